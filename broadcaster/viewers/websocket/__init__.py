"""The WebSocket protocol: frames that are sent, and frames that a viewer sends (RFC 6455)."""
