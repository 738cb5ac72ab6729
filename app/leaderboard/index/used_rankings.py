"""The rankings that are read. The reconciler maintains a rank index for each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import get_args

import redis
import structlog
from cachetools import TTLCache

from app.boards.board import KEY
from app.contract import keys
from app.contract.errors import RedisUnavailable
from app.contract.standings import PeriodKind, Ranking
from app.storage.lua_script import read_script
from app.storage.redis import redis_errors

USED_SECONDS = 600.0
"""How long a ranking stays in the registry after the last read."""
NOTE_SECONDS = 5.0
"""How often a process notes the reads of one ranking; after this time a Redis that lost the
registry has it again."""
MAX_RANKINGS = 4_096

log = structlog.stdlib.get_logger(__name__)


class UsedRankings:
    """The registry in Redis of the rankings that were read, without `main` of all time.

    Rankings that are not read add no work to a pass of the reconciler.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._names_between = read_script(client, "leaderboard", "rankings_between")
        self._noted: TTLCache[Ranking, None] = TTLCache(MAX_RANKINGS, NOTE_SECONDS)
        self._lock = threading.Lock()

    def note(self, ranking: Ranking) -> None:
        """Record a read of the ranking, so that the reconciler maintains its index.

        Does nothing if Redis is unreachable, because a later read is recorded too.
        """
        with self._lock:
            if ranking in self._noted:
                return
            self._noted[ranking] = None
        try:
            with redis_errors():
                self._client.zadd(keys.USED_RANKINGS, {_name(ranking): int(time.time() * 1000)})
        except RedisUnavailable:
            with self._lock:
                self._noted.pop(ranking, None)

    def current(self) -> list[Ranking]:
        """The rankings that were read lately; raises RedisUnavailable."""
        since = int((time.time() - USED_SECONDS) * 1000)
        return self._between(since, "+inf")

    def remove_unused(self, remove_indexes: Callable[[Sequence[Ranking]], None]) -> None:
        """Remove the rankings that were not read lately; raises RedisUnavailable.

        Calls `remove_indexes` with them first. If it fails, they stay for the next call.
        """
        until = f"({int((time.time() - USED_SECONDS) * 1000)}"
        unused = self._between("-inf", until)
        if unused:
            remove_indexes(unused)
            with redis_errors():
                self._client.zremrangebyscore(keys.USED_RANKINGS, "-inf", until)

    def _between(self, lowest: str | int, highest: str | int) -> list[Ranking]:
        with redis_errors():
            names = self._names_between(keys=[keys.USED_RANKINGS], args=[lowest, highest])
        return [ranking for name in names if (ranking := _ranking(str(name)))]


def _name(ranking: Ranking) -> str:
    return f"{ranking.board}:{ranking.period}:{ranking.starts_on or ''}"


def _ranking(name: str) -> Ranking | None:
    """The ranking of that name; None for a name that another client of Redis wrote."""
    board, _, rest = name.partition(":")
    period, _, starts_on = rest.partition(":")
    kinds: dict[str, PeriodKind] = {kind: kind for kind in get_args(PeriodKind)}
    try:
        first_day = date.fromisoformat(starts_on) if starts_on else None
    except ValueError:
        return None
    if not KEY.match(board) or period not in kinds or (period == "all") != (first_day is None):
        return None
    return Ranking(board, kinds[period], first_day)
