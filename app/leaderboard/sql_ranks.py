"""Ranks counted in PostgreSQL, for the time in which the rank index is not complete."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple

from sqlalchemy import Connection

from app.concurrency.single_flight import SingleFlight
from app.leaderboard import board_rows as rows

SECONDS_PER_PLAYER = 1e-6
"""How long a count is valid, per player counted; ten times what PostgreSQL needs to count one."""
MAX_WAIT_SECONDS = 0.3
"""Longest wait for another caller's count: it may fail, and a request has 2 s in all."""


class _Count(NamedTuple):
    valid_until: float
    """By the monotonic clock."""
    scores: list[int]
    """The scores that players have, the lowest first."""
    players: list[int]
    """For each score, the number of players with it or with more; ends with 0."""

    def higher(self, score: int) -> int:
        """The number of players with a higher score."""
        return self.players[bisect_right(self.scores, score)]


class SqlRanks:
    """Competition ranks from a count of all players, which concurrent callers share.

    Every increment asks for a rank, and counting a million players takes PostgreSQL 0.1 s. Without
    sharing, the counts would delay the rebuild of the index, which ends the need for them. So a
    count is valid for one second per million players; on a small board, for no later caller.
    """

    def __init__(self) -> None:
        self._flights: SingleFlight[None, _Count] = SingleFlight()
        self._latest = _Count(0.0, [], [0])

    def of(self, connection: Connection, scores: Iterable[int]) -> dict[int, int]:
        """The rank of each score: one more than the number of players with a higher score."""
        count = self._current(connection)
        return {score: count.higher(score) + 1 for score in scores}

    def _current(self, connection: Connection) -> _Count:
        wait_until = time.monotonic() + MAX_WAIT_SECONDS

        def count() -> _Count:
            started_at = time.monotonic()
            if started_at >= self._latest.valid_until:
                self._latest = _count(connection, started_at)
            return self._latest

        def share() -> tuple[_Count, bool]:
            return self._flights.run(None, count, max(0.0, wait_until - time.monotonic()))

        if time.monotonic() < self._latest.valid_until:
            return self._latest
        found, joined = share()
        if joined and time.monotonic() >= found.valid_until:
            # It started before this call of of() and is too old. Any count from now on is new
            # enough, also if another caller makes it.
            found, _ = share()
        return found


def _count(connection: Connection, started_at: float) -> _Count:
    by_score = sorted(rows.players_by_score(connection))
    from_the_top = accumulate((number for _, number in reversed(by_score)), initial=0)
    players = list(from_the_top)[::-1]
    return _Count(
        valid_until=started_at + players[0] * SECONDS_PER_PLAYER,
        scores=[score for score, _ in by_score],
        players=players,
    )
