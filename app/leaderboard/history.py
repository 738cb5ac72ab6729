"""History: the scores of the current leaders over time, for the chart of the live page."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from cachetools import TTLCache
from sqlalchemy import Connection

from app.concurrency.single_flight import SingleFlight
from app.contract.standings import TOP, Series
from app.leaderboard import history_rows as rows
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.replica_reads import ReplicaReads
from app.ledger import action_rows, partition_rows

MAX_SPAN_SECONDS = 366 * 24 * 3600
CACHE_SECONDS = 5.0
"""How long a history is served while the board's version stays the same."""
CHANGING_CACHE_SECONDS = 1.0
"""How long it is served in any case, also while the version rises."""
MAX_CACHED_SPANS = 64
# The start of a history is rounded down to a multiple of the longest of these steps that is not
# longer than a bucket, so that requests of about the same time share one reading.
_STEPS_SECONDS = (86400, 21600, 3600, 900, 300, 60, 15, 5, 1)


@dataclass(frozen=True)
class History:
    """The leaders' scores from `since` to `until`, both in µs since 1970, in the board's order."""

    version: int
    """A version of the board; the series are at least as new."""
    since: int
    until: int
    series: tuple[Series, ...]


class HistoryReader:
    """Reads the history of the top ten and caches it in this process."""

    def __init__(self, database: ReplicaReads, leaderboard: Leaderboard) -> None:
        self._database = database
        self._leaderboard = leaderboard
        self._flights: SingleFlight[int, History] = SingleFlight()
        self._lock = Lock()
        self._cache: TTLCache[int, tuple[float, History]] = TTLCache(
            MAX_CACHED_SPANS, CACHE_SECONDS
        )

    def since(self, moment: datetime) -> History:
        """The history from that moment, or from up to one bucket earlier.

        If the moment lies in a detached month, it starts where the ledger starts. Raises
        DatabaseUnavailable.
        """
        version = self._leaderboard.top().version.number
        begin = _round_down(int(moment.timestamp()))

        def read() -> History:
            # Another caller may have read it since this one looked into the cache.
            history = self._cached(begin, version)
            if history is None:
                history = self._read(version, begin)
                with self._lock:
                    self._cache[begin] = (time.monotonic(), history)
            return history

        return self._cached(begin, version) or self._flights.run(begin, read).result

    def _cached(self, begin: int, version: int) -> History | None:
        with self._lock:
            entry = self._cache.get(begin)
        if entry is None:
            return None
        read_at, history = entry
        recent = time.monotonic() - read_at < CHANGING_CACHE_SECONDS
        return history if recent or history.version >= version else None

    def _read(self, version: int, begin: int) -> History:
        def read(connection: Connection) -> History:
            until = action_rows.now(connection)
            ledger_begin = partition_rows.ledger_begin(connection)
            earliest = int(ledger_begin.timestamp()) if ledger_begin else 0
            since = max(begin, earliest) * 1_000_000
            series = rows.series(connection, since, until, TOP)
            return History(version, since, until, series)

        return self._database.read(read)


def _round_down(begin: int) -> int:
    bucket_seconds = (time.time() - begin) / rows.BUCKETS
    step = next((step for step in _STEPS_SECONDS if step <= bucket_seconds), _STEPS_SECONDS[-1])
    return begin - begin % step
