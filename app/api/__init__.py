"""The HTTP API: one file per resource, with its schemas."""
