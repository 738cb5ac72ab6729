"""Workers that share the connections evenly.

Whichever worker happens to be awake takes a new connection. A proxy keeps a few of them open for
long, so one worker may have all of them, and one CPU all of the work: 13 of 16 was usual.
docs/decisions/0022-requests-side-by-side.md has more.
"""

from __future__ import annotations

import time
from mmap import mmap
from typing import Any

from config.whole_requests import WholeRequestsWorker

SEATS = 256
"""Workers of one server, those of the last reload included; who finds none isn't counted."""
NOBODY = -1
RETIRED = 2**31 - 1
"""Shown by a worker that takes no more: nobody has more than that, so nobody waits for it."""
LOOK_AWAY_SECONDS = 0.001
"""For a worker that is awake anyway to take a connection."""


class Seat:
    """Where one worker shows how many connections it has."""

    def __init__(self, numbers: memoryview, position: int | None) -> None:
        self._numbers = numbers
        self._position = position

    def show(self, number: int) -> None:
        """So many it has now."""
        if self._position is not None:
            self._numbers[self._position] = number

    def leave(self) -> None:
        """The worker has ended; for the arbiter, which may give its place to another then."""
        self.show(NOBODY)

    def least_of_others(self) -> int | None:
        """The fewest that another one has, None where there is no other."""
        others = [
            number
            for position, number in enumerate(self._numbers)
            if number != NOBODY and position != self._position
        ]
        return min(others, default=None)


class ConnectionCounts:
    """How many connections each worker has, in memory that the arbiter and all of them share."""

    def __init__(self) -> None:
        self._numbers = memoryview(mmap(-1, 4 * SEATS)).cast("i")
        for position in range(SEATS):
            self._numbers[position] = NOBODY

    def seat(self) -> Seat:
        """One for a worker that is about to be forked."""
        free = (position for position, number in enumerate(self._numbers) if number == NOBODY)
        seat = Seat(self._numbers, next(free, None))
        seat.show(0)
        return seat


class BalancedWorker(WholeRequestsWorker):
    """Lets another worker go first that has fewer connections."""

    seat: Seat | None = None
    _number = 0

    @property
    def nr_conns(self) -> int:
        """gunicorn's count of the open connections."""
        return self._number

    @nr_conns.setter
    def nr_conns(self, number: int) -> None:
        self._number = number
        if self.alive and self.seat is not None:
            self.seat.show(number)

    def accept(self, listener: Any) -> None:
        if self.alive and self.seat is not None:
            least = self.seat.least_of_others()
            if least is not None and self.nr_conns > least:
                # Its threads run on meanwhile. If nobody was quicker, it is this one's turn.
                time.sleep(LOOK_AWAY_SECONDS)
        super().accept(listener)

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if not enabled and not self.alive and self.seat is not None:
            self.seat.show(RETIRED)
