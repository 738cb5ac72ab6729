"""Closes connections when a worker has too many, so that new clients are served.

gunicorn stops accepting at worker_connections, so clients that leave connections open would keep
all others out until `keepalive` has passed. An error of accept() would end its worker.
"""

from __future__ import annotations

import time
from operator import itemgetter

import structlog

from app.metrics.counters import ACCEPT_FAILURES, CONNECTIONS_CLOSED
from app.server.connections.buffer import has_unread_bytes
from app.server.connections.lingering_close import LingeringClose
from app.server.gunicorn_internals import TConn, ThreadWorker
from app.server.request_reader import RequestReader

ACCEPT_PAUSE_SECONDS = 0.1
"""How long a worker waits after it failed to accept a connection."""
CLOSED_PER_FAILURE = 8
"""Connections that are closed then. More than one, because PostgreSQL and Redis need some too."""

log = structlog.stdlib.get_logger(__name__)


class ConnectionLimiter:
    """Closes the connections of one worker that have waited for their clients for longest.

    Each of them waits for a request, for the rest of one, or for the client to close its side. Runs
    in the event loop.
    """

    def __init__(
        self, worker: ThreadWorker, reader: RequestReader, closing: LingeringClose
    ) -> None:
        self._worker = worker
        self._reader = reader
        self._closing = closing
        self._paused_until = 0.0
        self._surplus = 0

    @property
    def paused(self) -> bool:
        """Whether the worker must not accept, because that failed a moment ago."""
        return time.monotonic() < self._paused_until

    def limit_wait(self, seconds: float) -> float:
        """How long the event loop may wait until the worker has to accept again."""
        return min(seconds, ACCEPT_PAUSE_SECONDS) if self.paused else seconds

    def pause(self, error: OSError) -> None:
        """Stop accepting for a moment after this error, which is usually a lack of descriptors."""
        ACCEPT_FAILURES.inc()
        now = time.monotonic()
        if now > self._paused_until + ACCEPT_PAUSE_SECONDS:
            # Not for each of several failures in a row.
            log.warning("accept_failed", cause=str(error), connections=self._worker.nr_conns)
        self._paused_until = now + ACCEPT_PAUSE_SECONDS
        self._surplus = CLOSED_PER_FAILURE

    def make_room(self) -> None:
        """Close connections if the worker could not accept another one.

        Must not be called while events are dispatched: one of them may belong to a connection that
        is closed here.
        """
        full = self._worker.nr_conns - self._worker.worker_connections + 1
        surplus, self._surplus = max(full, self._surplus), 0
        for _ in range(surplus):
            if not self._close_oldest():
                return
            CONNECTIONS_CLOSED.inc()

    def _close_oldest(self) -> bool:
        """Close the connection that has waited for its client for longest; False without one."""
        waiting = (
            (self._oldest_kept(), self._close_kept),
            (self._reader.oldest(), self._reader.close),
            (self._closing.oldest(), self._closing.finish),
        )
        found = [(*oldest, close) for oldest, close in waiting if oldest is not None]
        if not found:
            return False
        _since, conn, close = min(found, key=itemgetter(0))
        close(conn)
        return True

    def _oldest_kept(self) -> tuple[float, TConn] | None:
        for conn in self._worker.keepalived_conns:
            if not has_unread_bytes(conn.sock):
                return conn.timeout - self._worker.cfg.keepalive, conn
        return None

    def _close_kept(self, conn: TConn) -> None:
        self._worker.keepalived_conns.remove(conn)
        self._worker.poller.unregister(conn.sock)
        self._closing.close(conn)
