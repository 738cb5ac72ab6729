"""Reading requests in the event loop, so that threads never wait for a client.

gunicorn gives a connection to a thread at its first byte, and the thread reads the rest: a few
clients that send slowly hold every thread. docs/decisions/0016-security.md has more.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from selectors import EVENT_READ

from app.server.connections.buffer import (
    BufferedParser,
    BufferedUnreader,
    has_unread_bytes,
    leaves_replies_unread,
)
from app.server.connections.lingering_close import LingeringClose
from app.server.gunicorn_internals import (
    STOP_KEEPALIVE_LINGER,
    LimitRequestHeaders,
    TConn,
    ThreadWorker,
)
from app.server.request_framing import MAX_HEAD_BYTES, Progress, RequestFraming
from app.server.route_table import RouteTable

REQUEST_SECONDS = 10
"""How long a request may take to arrive, from its first byte on."""
RECEIVE_BYTES = 64 * 1024
"""The most that is read of a connection at a time."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass
class _Reading:
    """A request that is arriving."""

    since: float
    deadline: float
    framing: RequestFraming


class RequestReader:
    """Passes each request of a worker to `on_request` as soon as it can be answered."""

    def __init__(
        self,
        worker: ThreadWorker,
        closing: LingeringClose,
        on_request: Callable[[TConn], None],
        body_limits: RouteTable[int],
    ) -> None:
        """`body_limits`: of the routes that accept more than other routes."""
        self._worker = worker
        self._closing = closing
        self._on_request = on_request
        self._body_limits = body_limits
        self._readings: dict[TConn, _Reading] = {}

    def read_next(self, conn: TConn) -> None:
        """Wait for the connection's next request, or for its first."""
        worker = self._worker
        if conn.parser is None:
            conn.parser = BufferedParser(worker.cfg, conn.client)
        idle_seconds = worker.cfg.keepalive if worker.alive else STOP_KEEPALIVE_LINGER
        started = conn.initialized or conn.parser.unreader.received
        seconds = REQUEST_SECONDS if started else idle_seconds
        now = time.monotonic()
        self._readings[conn] = _Reading(now, now + seconds, RequestFraming(self._body_limits))
        self._read(conn)

    def has_received_more(self, conn: TConn) -> bool:
        """Receive without waiting; whether there are more bytes. Any thread may call it.

        A client that sends requests faster than they are answered waits: each request is parsed
        out of all bytes received, so the time for it would grow with every request.
        """
        if len(conn.parser.unreader.received) >= RECEIVE_BYTES:
            return True
        try:
            received = conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            # Nothing has come, or the connection is broken: the event loop finds out which.
            return False
        conn.parser.unreader.add(received)
        return bool(received)

    def has_complete_request(self, conn: TConn) -> bool:
        """Whether the next request is there and can be answered, for the thread of the last one."""
        if not self.has_received_more(conn):
            return False
        progress = RequestFraming(self._body_limits).progress(conn.parser.unreader.received)
        return progress is Progress.COMPLETE and not leaves_replies_unread(conn.sock)

    def check_deadlines(self, now: float) -> None:
        """Close connections whose request did not arrive in time.

        Also retries requests that wait until their client has read its earlier replies.
        """
        for conn, reading in list(self._readings.items()):
            if reading.deadline < now:
                self._worker.log.debug("Closing a connection whose request did not come in time")
                self.close(conn)
            elif not self._is_registered(conn):
                self._read(conn)

    def oldest(self) -> tuple[float, TConn] | None:
        """The connection whose next request has been waited for longest, and since when.

        Leaves out connections with bytes that the event loop has not read yet.
        """
        for conn, reading in self._readings.items():
            if not self._is_registered(conn) or not has_unread_bytes(conn.sock):
                return reading.since, conn
        return None

    def close(self, conn: TConn) -> None:
        """Close a connection whose request has not arrived."""
        if self._is_registered(conn):
            self._worker.poller.unregister(conn.sock)
        self._drop(conn)

    def limit_idle(self, deadline: float) -> None:
        """Close connections that have sent nothing by then; gunicorn closes only kept ones."""
        for conn, reading in self._readings.items():
            if not conn.parser.unreader.received:
                reading.deadline = min(reading.deadline, deadline)

    def _read(self, conn: TConn) -> None:
        reading, buffer = self._readings[conn], conn.parser.unreader
        progress = reading.framing.progress(buffer.received)
        if progress is Progress.PARTIAL:
            if not self._receive(conn, reading, buffer):
                self._drop(conn)
                return
            progress = reading.framing.progress(buffer.received)
        if progress is Progress.PARTIAL:
            self._wait(conn, reading.framing)
        elif progress is Progress.HEAD_TOO_LONG:
            self._refuse_head(conn)
        elif conn.parser.req_count == 0 or not leaves_replies_unread(conn.sock):
            self._pass_on(conn, progress)
        # Otherwise check_deadlines tries again.

    @staticmethod
    def _receive(conn: TConn, reading: _Reading, buffer: BufferedUnreader) -> bool:
        """Receive without waiting; False if the client has closed the connection."""
        try:
            received = conn.sock.recv(RECEIVE_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        if received and not buffer.received:
            reading.deadline = time.monotonic() + REQUEST_SECONDS
        buffer.add(received)
        return bool(received)

    def _wait(self, conn: TConn, framing: RequestFraming) -> None:
        if framing.expects_continue:
            framing.expects_continue = False
            with suppress(OSError):
                conn.sock.send(CONTINUE, socket.MSG_DONTWAIT)
        self._worker.poller.register(conn.sock, EVENT_READ, partial(self._on_readable, conn))

    def _on_readable(self, conn: TConn, sock: socket.socket) -> None:
        self._worker.poller.unregister(sock)
        self._read(conn)

    def _refuse_head(self, conn: TConn) -> None:
        del self._readings[conn]
        error = LimitRequestHeaders(f"over {MAX_HEAD_BYTES} bytes")
        self._worker.handle_error(None, conn.sock, conn.client, error)
        self._closing.start(conn)

    def _pass_on(self, conn: TConn, progress: Progress) -> None:
        del self._readings[conn]
        conn.data_ready = True
        conn.parser.unreader.rejected = progress is Progress.REJECT
        self._on_request(conn)

    def _is_registered(self, conn: TConn) -> bool:
        return conn.sock in self._worker.poller.get_map()

    def _drop(self, conn: TConn) -> None:
        del self._readings[conn]
        self._closing.close(conn)
