"""gunicorn's threaded worker, whose threads wait for no client: it reads and parts in its poller.

gunicorn gives a connection to a thread at its first byte, and the thread reads on: a few clients
that send slowly, or never to the end, hold every thread. And it waits for a client to hang up in
the one thread that all connections need. docs/decisions/0016-security.md has more.
"""

from __future__ import annotations

import socket
import struct
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from config.arriving import HEAD_BYTES, Arriving, Progress
from config.connections import HeldRequests, leaves_unread

REQUEST_SECONDS = 10
"""For a request to come, from its first byte on, and for a reply to be read that fits nowhere."""
PARTING_SECONDS = 2.0
"""For a client to hang up after the last reply (RFC 9112, section 9.6)."""
RECEIVED_BYTES = 64 * 1024
"""Read of a connection at a time."""
SEND_BUFFER_BYTES = 512 * 1024
"""More than any reply has; the kernel takes it only as it is needed, and may allow less."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class WholeRequestsWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Has the poller wait for requests until they are whole, and for clients to hang up."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._arriving: dict[TConn, Arriving] = {}
        self._parting: dict[TConn, float] = {}
        self._looked_at = 0.0

    def dispatch(self, conn: TConn, _request: bytes) -> None:
        """Have the connection's request answered, which begins with these bytes."""
        self.submit(self.tpool, conn)

    def submit(self, pool: ThreadPoolExecutor, conn: TConn) -> None:
        """Have it answered by a thread of this pool."""
        done = pool.submit(self.handle, conn)
        done.add_done_callback(
            lambda future: self.method_queue.defer(self.finish_request, conn, future)
        )

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for the next request of the connection, or for its first."""
        if conn.parser is None:
            conn.parser = HeldRequests(self.cfg, conn.client)
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
        elif conn.parser.req_count == 0 or not leaves_unread(conn.sock):
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
        self.dispatch(conn, held.buf.getvalue())

    def handle_request(self, req: Any, conn: TConn) -> Any:
        if conn.parser.unreader.cut:
            req.force_close()
        return super().handle_request(req, conn)

    def handle(self, conn: TConn) -> Any:
        # Whatever this worker takes for a whole request: gunicorn has the last word on it.
        return super().handle(conn) and not conn.parser.unreader.starved

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        if not fs.cancelled() and not fs.exception() and fs.result():
            if self.alive and self._has_sent_more(conn):
                # Busy clients have asked again by now: that spares the poller two calls.
                self.enqueue_req(conn)
            else:
                super().finish_request(conn, fs)
        else:
            self._part(conn)

    def has_whole_request(self, conn: TConn) -> bool:
        """Whether all of the next request is there; for the thread that has just answered one."""
        if not self._has_sent_more(conn):
            return False
        progress = Arriving(0).judge(conn.parser.unreader.buf.getvalue())
        return progress is Progress.WHOLE and not leaves_unread(conn.sock)

    def _has_sent_more(self, conn: TConn) -> bool:
        try:
            received = conn.sock.recv(RECEIVED_BYTES, socket.MSG_DONTWAIT)
        except OSError:
            # Nothing there, or it is over: the poller finds out which.
            return False
        conn.parser.unreader.add(received)
        return bool(received)

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
