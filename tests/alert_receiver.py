"""A receiver of alerts over real HTTP, as apprise's json:// URLs call it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "receiver-password"


class AlertReceiver:
    """Keeps what it was sent.

    While `silent` is set it takes requests and answers none; it refuses the next `refusals` ones.
    """

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.silent = threading.Event()
        self.asked = threading.Event()
        self.refusals = 0
        self._answer = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.asked.set()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.silent.is_set():
                    receiver._answer.wait(60)
                    return
                if receiver.refusals:
                    receiver.refusals -= 1
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
        self._answer.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def alert_receiver() -> Iterator[AlertReceiver]:
    """A receiver for as long as the block runs."""
    receiver = AlertReceiver()
    try:
        yield receiver
    finally:
        receiver.close()
