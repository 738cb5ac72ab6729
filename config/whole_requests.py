"""gunicorn's threaded worker, whose threads wait for no client: it reads and parts in its poller.

gunicorn gives a connection to a thread at its first byte, and the thread reads on: a few clients
that send slowly, or never to the end, hold every thread. And it waits for a client to hang up in
the one thread that all connections need. docs/decisions/0016-security.md has more.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from config.arriving import HEAD_BYTES, Arriving, Progress

REQUEST_SECONDS = 10
"""For a request to come, from its first byte on, and for a reply to be read that fits nowhere."""
PARTING_SECONDS = 2.0
"""For a client to hang up after the last reply (RFC 9112, section 9.6)."""
RECEIVED_BYTES = 64 * 1024
"""Read of a connection at a time."""
SEND_BUFFER_BYTES = 512 * 1024
"""More than any reply has; the kernel takes it only as it is needed, and may allow less."""
UNREAD_BYTES = 64 * 1024
"""So much of its replies a client may leave unread and be answered still."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Held(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """What has come of a connection; the only thing that threads read from."""

    starved = False
    """Whether a thread wanted more: then it's unknown where the next request begins."""
    cut = False
    """Whether not all of the request is there, by intent."""

    def chunk(self, _size_hint: int | None = None) -> bytes:
        self.starved = True
        return b""

    def add(self, received: bytes) -> None:
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(received)


class WholeRequestsWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Has the poller wait for requests until they are whole, and for clients to hang up."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arriving: dict[TConn, Arriving] = {}
        self._parting: dict[TConn, float] = {}
        self._looked_at = 0.0

    def pool_for(self, _request: bytes) -> ThreadPoolExecutor:
        """The threads that answer this request."""
        pool: ThreadPoolExecutor = self.tpool
        return pool

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for the next request of the connection, or for its first."""
        if conn.parser is None:
            conn.parser = RequestParser(self.cfg, (), conn.client)
            conn.parser.unreader = Held()
        idle = self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER
        begun = conn.initialized or conn.parser.unreader.buf.getvalue()
        seconds = REQUEST_SECONDS if begun else idle
        self._arriving[conn] = Arriving(time.monotonic() + seconds)
        self._look(conn)

    def _look(self, conn: TConn) -> None:
        arriving, held = self._arriving[conn], conn.parser.unreader
        progress = arriving.judge(held.buf.getvalue())
        if progress is Progress.PARTIAL:
            try:
                received = conn.sock.recv(RECEIVED_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                received = None
            except OSError:
                received = b""
            if received == b"":
                self._drop(conn)
                return
            if received:
                if not held.buf.getvalue():
                    # Its time begins with its first byte.
                    arriving.until = time.monotonic() + REQUEST_SECONDS
                held.add(received)
                progress = arriving.judge(held.buf.getvalue())
        if progress is Progress.PARTIAL:
            self._wait(conn, arriving)
        elif progress is Progress.HEAD_TOO_LONG:
            del self._arriving[conn]
            self.handle_error(
                None, conn.sock, conn.client, LimitRequestHeaders(f"over {HEAD_BYTES} bytes")
            )
            self._part(conn)
        elif conn.parser.req_count == 0 or not _leaves_unread(conn.sock):
            self._hand_over(conn, progress)
        # Else murder_pending looks again.

    def _wait(self, conn: TConn, arriving: Arriving) -> None:
        if arriving.wants_word:
            arriving.wants_word = False
            with suppress(OSError):
                conn.sock.send(CONTINUE, socket.MSG_DONTWAIT)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_more, conn))

    def _on_more(self, conn: TConn, sock: socket.socket) -> None:
        self.poller.unregister(sock)
        self._look(conn)

    def _hand_over(self, conn: TConn, progress: Progress) -> None:
        del self._arriving[conn]
        conn.data_ready = True
        held = conn.parser.unreader
        held.cut = progress is Progress.CUT
        done = self.pool_for(held.buf.getvalue()).submit(self.handle, conn)
        done.add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.parser.unreader.cut:
            req.force_close()
        return super().handle_request(req, conn)

    def handle(self, conn: TConn) -> Any:
        # Whatever this worker takes for a whole request: gunicorn has the last word on it.
        return super().handle(conn) and not conn.parser.unreader.starved

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        else:
            self._part(conn)

    def _part(self, conn: TConn) -> None:
        """Say that no more will come, and wait for the client to say the same.

        Were it closed while the client is sending, it would hear of a reset and not our reply.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        self._parting[conn] = time.monotonic() + PARTING_SECONDS
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, EVENT_READ, partial(self._on_rest, conn))

    def _on_rest(self, conn: TConn, sock: socket.socket) -> None:
        try:
            if sock.recv(RECEIVED_BYTES):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._end_parting(conn)

    def _end_parting(self, conn: TConn) -> None:
        del self._parting[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _drop(self, conn: TConn) -> None:
        del self._arriving[conn]
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """End those whose time is over, and look at those again who had left too much unread."""
        now = time.monotonic()
        if now < self._looked_at + 1:
            return
        self._looked_at = now
        waiting = self.poller.get_map()
        for conn, arriving in list(self._arriving.items()):
            if arriving.until < now:
                self.log.debug("Closing a connection whose request did not come in time")
                if conn.sock in waiting:
                    self.poller.unregister(conn.sock)
                self._drop(conn)
            elif conn.sock not in waiting:
                self._look(conn)
        for conn in [conn for conn, until in self._parting.items() if until < now]:
            self._end_parting(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        # gunicorn forgets those that never sent anything, and would wait for them to the end.
        for conn, arriving in self._arriving.items():
            if not conn.parser.unreader.buf.getvalue():
                arriving.until = min(arriving.until, deadline)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Have what is accepted inherit how long a thread waits to write, and for how much not.

        A reply that fits into the kernel's buffer holds no thread, however slowly it is read.
        """
        for listener in self.sockets if enabled else ():
            timeout = struct.pack("ll", REQUEST_SECONDS, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeout)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        super().set_accept_enabled(enabled)


def _leaves_unread(sock: socket.socket) -> bool:
    """Whether the client, if it is still there, doesn't read what it was sent."""
    (number,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
    if number <= UNREAD_BYTES:
        return False
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
