"""The broadcaster's HTTP server: handshakes up to the handover, streams, health, forwarding."""
