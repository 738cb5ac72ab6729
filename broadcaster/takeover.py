"""How a socket leaves the HTTP server after the handshake, so that the hub owns it alone.

docs/decisions/0005-the-hub-owns-the-sockets.md says why, and what else was tried.
"""

from __future__ import annotations

import socket
import sys
from io import BytesIO
from typing import Any

from gevent import with_timeout
from gevent.monkey import get_original
from gevent.pywsgi import WSGIHandler, WSGIServer
from simple_websocket import Server as Handshake

from app.metrics import ERRORS
from app.request_log import log_unreadable, new_request_id

REQUEST_SECONDS = 10.0
"""For a whole request, its head included, so that nobody keeps a greenlet by being slow."""
SEND_BUFFER_BYTES = 32 * 1024
"""What the kernel may hold for a viewer; more of it would only be boards that are out of date."""
HEAD_BYTES = 16 * 1024
"""For all headers of a request."""
BACKLOG = 4096
UNREADABLE = "VALIDATION_ERROR"
_HANDLER = "broadcaster.handler"

_PlainSocket: type[socket.socket] = get_original("socket", "socket")


class HandshakeHandler(WSGIHandler):
    """Serves HTTP as pywsgi does, until a socket is handed over: then it lets go of it.

    pywsgi itself would go on to read the "next request", and at the end read 16 kB more: the
    viewer's bytes.
    """

    server: HandshakeServer

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        environ[_HANDLER] = self
        return environ

    def handle_one_request(self) -> Any:
        return with_timeout(REQUEST_SECONDS, super().handle_one_request, timeout_value=None)

    def MessageClass(self, reader: Any, *arguments: Any) -> Any:  # noqa: N802 - pywsgi's name
        """The headers, of which pywsgi itself would read 6 MB; raises ValueError, answered 400."""
        head = line = b""
        while line not in {b"\r\n", b"\n"} or not head:
            line = reader.readline(HEAD_BYTES - len(head) + 1)
            head += line
            if len(head) > HEAD_BYTES:
                raise ValueError("The headers are too long")
            if not line:
                break
        return super().MessageClass(BytesIO(head), *arguments)

    def run_application(self) -> None:
        self.server.in_flight += 1
        try:
            super().run_application()
        finally:
            self.server.in_flight -= 1

    def let_go(self) -> tuple[socket.socket, bytes]:
        """The connection's socket and the bytes read from it too early; pywsgi forgets both."""
        sock, reader = self.socket, self.rfile
        # Else the look into the buffer would wait for more when it is empty.
        sock.settimeout(0.0)
        early: bytes = reader.peek()
        family, kind = sock.family, sock.type
        plain = _PlainSocket(family, kind, fileno=sock.detach())
        plain.setblocking(False)
        reader.close()
        self.socket = None  # type: ignore[assignment]  # as pywsgi itself says that it is gone
        return plain, early

    def log_request(self) -> None:
        """Nothing: the app logs its requests."""

    def log_error(self, _message: str, *_args: Any) -> None:
        """Log a request that can't be read, without its words, which may hold a token."""
        ERRORS.labels(UNREADABLE).inc()
        log_unreadable(400, UNREADABLE, sys.exception(), new_request_id())


class HandshakeServer(WSGIServer):
    """An HTTP server whose connections have what a viewer's need; they inherit it."""

    backlog = BACKLOG
    handler_class = HandshakeHandler
    in_flight = 0
    """Requests that are being answered, handshakes too; no longer those that became viewers."""

    @classmethod
    def get_listener(cls, address: Any, backlog: int | None = None, family: Any = None) -> Any:
        listener = super().get_listener(address, backlog, family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener


class NoThread:
    """Stands where simple-websocket would start a thread that reads: the hub does that."""

    def __init__(self, target: object) -> None:  # noqa: ARG002 - the signature is given
        self.name = ""

    def start(self) -> None:
        """Start nothing."""


def take_over(handshake: Handshake) -> tuple[socket.socket, bytes]:
    """The socket of an answered handshake and the bytes that came right behind it."""
    # Its own socket is a duplicate. The original is the one to keep: the event loop has it
    # registered under its number, and when a registered number is closed while a duplicate lives
    # on, the next event makes libev build its epoll set anew, for all viewers.
    handshake.sock.close()
    # Else flask-sock would try to send a close frame when the view returns.
    handshake.connected = False
    handler: HandshakeHandler = handshake.environ[_HANDLER]
    return handler.let_go()
