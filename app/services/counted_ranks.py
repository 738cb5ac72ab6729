"""Ranks counted in PostgreSQL, for while there is no whole index to ask."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from threading import Lock
from typing import NamedTuple

from sqlalchemy import Connection

from app.stores import board as rows

SECONDS_FOR_EACH = 1e-6
"""How long a count holds for each player counted, ten times what counting one takes."""
WAIT_SECONDS = 0.3
"""For somebody else's count; that one may be waiting in vain, and 2 s are promised for it all."""


class _Count(NamedTuple):
    until: float
    """When it is too old, by the monotonic clock."""
    scores: list[int]
    """Those that players have, the lowest first."""
    players: list[int]
    """With each of them or more; 0 at the end."""

    def higher(self, score: int) -> int:
        return self.players[bisect_right(self.scores, score)]


class CountedRanks:
    """Competition ranks by a count of all players, which those who ask meanwhile share.

    A million take PostgreSQL 0.1 s, and every increment asks: counted for each, nothing else would
    be done there, least of all the rebuild that ends it. So a count holds for a second for each
    million players. On a board of some hundreds that is for nobody but who asks at once.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._latest = _Count(0.0, [], [0])

    def of(self, connection: Connection, scores: Iterable[int]) -> dict[int, int]:
        """The rank of each score: one more than the players with a higher one."""
        count = self._current(connection)
        return {score: count.higher(score) + 1 for score in scores}

    def _current(self, connection: Connection) -> _Count:
        if time.monotonic() < self._latest.until:
            return self._latest
        alone = self._lock.acquire(timeout=WAIT_SECONDS)
        try:
            begun = time.monotonic()
            if begun >= self._latest.until:
                self._latest = _counted(connection, begun)
            return self._latest
        finally:
            if alone:
                self._lock.release()


def _counted(connection: Connection, begun: float) -> _Count:
    by_score = sorted(rows.players_by_score(connection))
    from_the_top = accumulate((number for _, number in reversed(by_score)), initial=0)
    players = list(from_the_top)[::-1]
    return _Count(begun + players[0] * SECONDS_FOR_EACH, [score for score, _ in by_score], players)
