"""The broadcaster beside a bare loop of socket.send: `make bench-fanout`."""
