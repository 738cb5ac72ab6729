"""A service in place of web or broadcaster; answers each request with its environment.

Usage: `python stand_in_service.py PORT_VARIABLE [ignore-sigterm]`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class EnvironmentHandler(BaseHTTPRequestHandler):
    """Answers GET with the environment as JSON."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Write no request log."""


if __name__ == "__main__":
    ignore = "ignore-sigterm" in sys.argv
    signal.signal(signal.SIGTERM, signal.SIG_IGN if ignore else lambda *_: os._exit(0))
    ThreadingHTTPServer(
        ("127.0.0.1", int(os.environ[sys.argv[1]])), EnvironmentHandler
    ).serve_forever()
