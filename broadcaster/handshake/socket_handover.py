"""Takes a socket from the HTTP server after the handshake, so that the hub alone owns it.

docs/decisions/0005-the-hub-owns-the-sockets.md has the reasons, and what else was tried.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from gevent import with_timeout
from gevent.monkey import get_original
from gevent.pywsgi import Input, WSGIHandler, WSGIServer
from simple_websocket import Server as Handshake

from app.http.request_log import log_unreadable, new_request_id
from app.metrics.counters import ERRORS
from broadcaster.handshake.connection_limit import ConnectionLimit
from broadcaster.handshake.forwarding import ApiForwarder, ApiUnavailable, forwarded_head

REQUEST_SECONDS = 10.0
"""Time to receive a whole request, so that a slow client does not occupy a greenlet."""
SEND_BUFFER_BYTES = 32 * 1024
"""The kernel's send buffer of each viewer. A larger one would only hold boards out of date."""
MAX_HEAD_BYTES = 16 * 1024
"""The longest request line and headers together."""
BACKLOG = 4096
UNREADABLE = "VALIDATION_ERROR"
API_UNAVAILABLE = "broadcaster.api_unavailable"
"""In the environ of a request that should have been passed to the API; the value is the reason."""
_HANDLER = "broadcaster.handler"

_PlainSocket: type[socket.socket] = get_original("socket", "socket")


class HandshakeHandler(WSGIHandler):
    """Serves HTTP as pywsgi does, until detach() takes the socket away.

    pywsgi alone would then read the "next request", and 16 kB more when the connection ends.
    These are bytes of the viewer.
    """

    server: HandshakeServer
    _header_lines: list[bytes]
    _upstream: Any = None
    """The connection to the API, if the request is passed on."""

    def get_environ(self) -> dict[str, Any]:
        self.server.limit.end_wait()
        environ: dict[str, Any] = super().get_environ()
        environ[_HANDLER] = self
        return environ

    def handle_one_request(self) -> Any:
        self.server.limit.begin_wait()
        try:
            answered = with_timeout(REQUEST_SECONDS, super().handle_one_request, timeout_value=None)
        finally:
            self.server.limit.end_wait()
        if self._upstream is not None:
            # Without the time limit, which is for the broadcaster's own requests.
            self._pass_on()
            return None
        return answered

    def handle_one_response(self) -> None:
        """Answer the request, or connect to the API if the request is for it."""
        forwarder, environ = self.server.forwarder, self.environ or {}
        if forwarder is None or not forwarder.takes(environ["PATH_INFO"]):
            super().handle_one_response()
            return
        self.close_connection = True
        try:
            peer, port = self.client_address[0], self.server.server_port or 0
            head = forwarded_head(str(self.requestline), self._header_lines, peer, port)
            self._upstream = forwarder.connect(head)
        except ApiUnavailable as error:
            self._answer_unavailable(str(error))

    def _pass_on(self) -> None:
        forwarder, upstream = self.server.forwarder, self._upstream
        assert forwarder is not None
        self.server.in_flight += 1
        try:
            if not forwarder.exchange(self.socket, self.rfile, upstream):
                # What is left of the body is not read.
                self.wsgi_input = Input(self.rfile, 0)
                self._answer_unavailable("no reply")
        finally:
            self.server.in_flight -= 1

    def _answer_unavailable(self, reason: str) -> None:
        self.environ = (self.environ or {}) | {API_UNAVAILABLE: reason}
        super().handle_one_response()

    def MessageClass(self, reader: Any, *arguments: Any) -> Any:  # noqa: N802 - pywsgi's name
        """The headers; raises ValueError, answered 400, if they are too long or folded.

        pywsgi alone would read up to 6 MB. Servers understand a header on several lines in
        different ways (RFC 9112, section 5.2).
        """
        head = line = b""
        while line not in {b"\r\n", b"\n"} or not head:
            line = reader.readline(MAX_HEAD_BYTES - len(head) + 1)
            head += line
            if len(head) > MAX_HEAD_BYTES:
                raise ValueError("The headers are too long")
            if not line:
                break
        self._header_lines = BytesIO(head).readlines()[:-1]
        if any(line[:1] in {b" ", b"\t"} for line in self._header_lines):
            raise ValueError("A header is on several lines")
        return super().MessageClass(BytesIO(head), *arguments)

    def run_application(self) -> None:
        self.server.in_flight += 1
        try:
            super().run_application()
        finally:
            self.server.in_flight -= 1

    def detach(self) -> tuple[socket.socket, bytes]:
        """The connection's socket and the bytes read from it so far; pywsgi forgets both."""
        sock, reader = self.socket, self.rfile
        # Otherwise peek() waits for more bytes if the buffer is empty.
        sock.settimeout(0.0)
        early: bytes = reader.peek()
        family, kind = sock.family, sock.type
        plain = _PlainSocket(family, kind, fileno=sock.detach())
        plain.setblocking(False)
        reader.close()
        self.socket = None  # type: ignore[assignment]  # pywsgi's own mark for a closed socket
        return plain, early

    def log_request(self) -> None:
        """Nothing: the app logs its requests."""

    def log_error(self, _message: str, *_args: Any) -> None:
        """Log a request that can't be parsed, without its text, which may contain a token."""
        ERRORS.labels(UNREADABLE).inc()
        log_unreadable(400, UNREADABLE, sys.exception(), new_request_id())


class HandshakeServer(WSGIServer):
    """An HTTP server whose connections inherit the socket options that viewers need."""

    backlog = BACKLOG
    handler_class = HandshakeHandler
    in_flight = 0
    """Requests in progress, including handshakes; a viewer that has joined is not counted."""
    forwarder: ApiForwarder | None = None
    """Passes requests to the API, if one port serves both."""

    def __init__(self, *arguments: Any, limit: ConnectionLimit, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.limit = limit

    def full(self) -> bool:
        """Whether to stop accepting; handle() starts it again."""
        return self.limit.reached

    def do_read(self) -> Any:
        accepted = super().do_read()
        if accepted:
            self.limit.opened()
        return accepted

    def handle(self, *connection: Any) -> None:
        try:
            super().handle(*connection)
        finally:
            self.limit.closed()
            if self.started and not self.full():
                self.start_accepting()

    @classmethod
    def get_listener(cls, address: Any, backlog: int | None = None, family: Any = None) -> Any:
        listener = super().get_listener(address, backlog, family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener


class NoThread:
    """Replaces the thread in which simple-websocket would read; the hub reads instead."""

    def __init__(self, target: object) -> None:  # noqa: ARG002 - simple-websocket's signature
        self.name = ""

    def start(self) -> None:
        """Do nothing."""


def detach_socket(handshake: Handshake) -> tuple[socket.socket, bytes]:
    """The socket of an answered handshake and the bytes that arrived together with it."""
    # handshake.sock is a duplicate. The original has to stay open: the event loop has registered
    # its number, and if a registered number is closed while a duplicate is open, the next event
    # makes libev rebuild its epoll set, for all viewers.
    handshake.sock.close()
    # Otherwise flask-sock tries to send a close frame when the view returns.
    handshake.connected = False
    return detach_request(handshake.environ)


def detach_request(environ: Mapping[str, Any]) -> tuple[socket.socket, bytes]:
    """The socket of a request that is not answered yet, and the bytes that follow its head."""
    handler: HandshakeHandler = environ[_HANDLER]
    return handler.detach()
