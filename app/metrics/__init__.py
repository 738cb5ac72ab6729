"""Prometheus metrics of the API and the broadcaster."""
