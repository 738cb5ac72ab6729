"""How many handshakes there may be, in a second and at a time, before anything is upgraded."""

from __future__ import annotations

import time

from gevent.lock import BoundedSemaphore

from broadcaster.hub import Hub
from broadcaster.limits import RateExceeded
from broadcaster.metrics import LIMIT_HITS
from broadcaster.refusals import BroadcasterFull, TooManyHandshakes

HANDSHAKES_AT_ONCE = 32
"""Enough to be asked about together; the boards wait for no more than these in between."""
TURN_SECONDS = 4.0
"""Who has waited so long comes back later: most clients give a handshake ten seconds."""


class Entrance:
    """Handshakes take turns, so that a thousand at once delay neither boards nor each other's end.

    Without turns all would be begun and none be done before the clients have given up.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._paid_until = 0.0
        self._turns = BoundedSemaphore(HANDSHAKES_AT_ONCE)

    def enter(self) -> None:
        """Begin a handshake when it is its turn; raises TooManyHandshakes, else leave() follows."""
        rate = self._hub.limits.handshakes
        try:
            self._paid_until = rate.charge(self._paid_until, time.monotonic())
        except RateExceeded:
            LIMIT_HITS.labels("new_viewers_per_second").inc()
            raise TooManyHandshakes from None
        if not self._turns.acquire(timeout=TURN_SECONDS):
            LIMIT_HITS.labels("turn").inc()
            raise TooManyHandshakes

    def leave(self) -> None:
        """The handshake is over, whatever came of it."""
        self._turns.release()

    def check_room(self) -> None:
        """Raise BroadcasterFull where there is no place left."""
        if self._hub.full:
            LIMIT_HITS.labels("max_viewers").inc()
            raise BroadcasterFull
