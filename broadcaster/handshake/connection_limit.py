"""Closes connections that wait for their client's request, so that new viewers are served."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from gevent import getcurrent, kill

from app.metrics.counters import CONNECTIONS_CLOSED

FREE_CONNECTIONS = 32
"""Kept free for new connections: closing others to make room for them takes a moment."""


class ConnectionLimit:
    """Counts the connections of a server; each has a greenlet. No method blocks.

    If fewer than FREE_CONNECTIONS are left, it closes the connections that have waited longest for
    a request or the rest of one. So clients that connect and send nothing keep no viewer out.
    """

    def __init__(self, maximum: int, viewers: Sized) -> None:
        """`maximum` includes the connections of `viewers`, which have left the server."""
        self._maximum = maximum
        self._viewers = viewers
        self._open = 0
        self._waiting: dict[Any, None] = {}
        self._closing: set[Any] = set()

    @property
    def reached(self) -> bool:
        """Whether the server must not accept a connection."""
        return self._open + len(self._viewers) >= self._maximum

    def opened(self) -> None:
        """Count a new connection."""
        self._open += 1

    def closed(self) -> None:
        """Count the connection of this greenlet no longer."""
        self._open -= 1
        self._closing.discard(getcurrent())

    def begin_wait(self) -> None:
        """The connection of this greenlet waits for a request; close others if there are many."""
        self._waiting[getcurrent()] = None
        staying = self._open + len(self._viewers) - len(self._closing)
        surplus = max(0, staying + FREE_CONNECTIONS - self._maximum)
        for greenlet in list(self._waiting)[:surplus]:
            del self._waiting[greenlet]
            self._closing.add(greenlet)
            kill(greenlet)
            CONNECTIONS_CLOSED.inc()

    def end_wait(self) -> None:
        """The whole request has arrived, or the connection ends; it may be called again."""
        self._waiting.pop(getcurrent(), None)
