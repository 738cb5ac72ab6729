"""A receiver of alerts over real HTTP, for apprise's json:// URLs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "receiver-password"


class AlertReceiver:
    """Stores the messages that it receives.

    While `silent` is set it accepts requests and answers none. It fails the next `failures`
    requests.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.silent = threading.Event()
        self.requested = threading.Event()
        self.failures = 0
        closed = self._closed = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.requested.set()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.silent.is_set():
                    closed.wait(60)
                    return
                if receiver.failures:
                    receiver.failures -= 1
                    self.send_error(500)
                    return
                receiver.messages.append(json.loads(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://operator:{SECRET}@127.0.0.1:{self._server.server_port}/{SECRET}"

    def titles(self) -> list[str]:
        """The titles so far, without the system's name."""
        return [message["title"].removeprefix("Live Scoreboard: ") for message in self.messages]

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def alert_receiver() -> Iterator[AlertReceiver]:
    """A receiver that runs during the block."""
    receiver = AlertReceiver()
    try:
        yield receiver
    finally:
        receiver.close()
