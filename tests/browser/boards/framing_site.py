"""Another site, which frames a board."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FramingSite:
    """Another site, whose page is a frame with an address that the test sets."""

    def __init__(self) -> None:
        self.framed = ""
        site = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = f'<!doctype html><iframe src="{site.framed}"></iframe>'.encode()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.port = self.server.server_port
        self.origin = f"http://127.0.0.1:{self.port}"
