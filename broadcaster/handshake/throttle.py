"""Limits the number of handshakes that start in a second, and of those in progress."""

from __future__ import annotations

import time

from gevent.lock import BoundedSemaphore

from app.contract.handshake_errors import BroadcasterFull, TooManyHandshakes
from broadcaster.handshake.budget import HandshakeBudget
from broadcaster.metrics import LIMIT_HITS
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.limits import RateExceeded

MAX_CONCURRENT_HANDSHAKES = 32
"""Enough to batch session look-ups, and few enough that a board waits for only a few of them."""
MAX_WAIT_SECONDS = 4.0
"""A handshake that waits longer is refused: most clients give up after ten seconds."""


class HandshakeThrottle:
    """Lets only MAX_CONCURRENT_HANDSHAKES run at a time, so that a burst of them delays no board.

    Without this limit all handshakes of a burst would start, and none would finish before its
    client gives up.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._budget = HandshakeBudget(hub.limits.handshakes)
        self._running = BoundedSemaphore(MAX_CONCURRENT_HANDSHAKES)

    def acquire(self, address: str) -> None:
        """Wait until a handshake from the address may start; the caller then has to call release().

        Raises TooManyHandshakes, after which release() must not be called.
        """
        try:
            self._budget.charge(address, time.monotonic())
        except RateExceeded:
            LIMIT_HITS.labels("new_viewers_per_second").inc()
            raise TooManyHandshakes from None
        if not self._running.acquire(timeout=MAX_WAIT_SECONDS):
            LIMIT_HITS.labels("turn").inc()
            raise TooManyHandshakes

    def release(self) -> None:
        """Let the next handshake start; call it also after a handshake that failed."""
        self._running.release()

    def check_capacity(self) -> None:
        """Raise BroadcasterFull if this process has as many viewers as it may have."""
        if self._hub.full:
            LIMIT_HITS.labels("max_viewers").inc()
            raise BroadcasterFull
