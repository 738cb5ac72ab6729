"""Closing connections so that the client can read the last reply (RFC 9112, section 9.6).

If a socket is closed while its client is still sending, the client gets a reset and not the reply.
gunicorn waits for the client in the thread of the event loop, which all connections need.
"""

from __future__ import annotations

import socket
import time
from functools import partial
from selectors import EVENT_READ

from app.server.gunicorn_internals import TConn, ThreadWorker

LINGER_SECONDS = 2.0
"""How long a client has to close its side after the last reply."""
DISCARD_BYTES = 64 * 1024
"""The most that is read and discarded at a time."""


class LingeringClose:
    """Closes the connections of one worker; runs in its event loop."""

    def __init__(self, worker: ThreadWorker) -> None:
        self._worker = worker
        self._deadlines: dict[TConn, float] = {}

    def start(self, conn: TConn) -> None:
        """Send nothing more, and close the connection when the client has closed its side."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close(conn)
            return
        self._deadlines[conn] = time.monotonic() + LINGER_SECONDS
        conn.sock.setblocking(False)
        self._worker.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))

    def close(self, conn: TConn) -> None:
        """Close the connection at once."""
        self._worker.nr_conns -= 1
        conn.close()

    def close_expired(self, now: float) -> None:
        """Close the connections whose clients did not close in time."""
        for conn in [conn for conn, deadline in self._deadlines.items() if deadline < now]:
            self.finish(conn)

    def oldest(self) -> tuple[float, TConn] | None:
        """The connection that has waited for longest, and since when."""
        for conn, deadline in self._deadlines.items():
            return deadline - LINGER_SECONDS, conn
        return None

    def finish(self, conn: TConn) -> None:
        """Close a waiting connection at once."""
        del self._deadlines[conn]
        self._worker.poller.unregister(conn.sock)
        self.close(conn)

    def _discard(self, conn: TConn, sock: socket.socket) -> None:
        try:
            if sock.recv(DISCARD_BYTES):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self.finish(conn)
