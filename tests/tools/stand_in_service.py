"""Stands in for web or broadcaster: answers on the port its variable names with its environment.

Run as `python stand_in_service.py PORT_VARIABLE [deaf]`; deaf ignores SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Mirror(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Keep quiet."""


if __name__ == "__main__":
    deaf = "deaf" in sys.argv
    signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else lambda *_: os._exit(0))
    ThreadingHTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), Mirror).serve_forever()
