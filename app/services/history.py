"""History: how the present leaders came to their scores, for a chart that many pages show."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from cachetools import TTLCache
from sqlalchemy import Connection

from app.contract.standings import TOP, Series
from app.services.board_database import BoardDatabase
from app.services.leaderboard import Leaderboard
from app.stores import history as rows
from app.stores import ledger, partitions

LONGEST_SECONDS = 366 * 24 * 3600
QUIET_SECONDS, BUSY_SECONDS = 5.0, 1.0
"""How long a reading is good for while the board's version stays the same, and in any case."""
SPANS_KEPT = 64
# A beginning is moved back to a whole one of these, the longest that is no longer than a bucket.
_STEPS = (86400, 21600, 3600, 900, 300, 60, 15, 5, 1)


@dataclass(frozen=True)
class History:
    """The leaders' scores from `since` to `until`, both in µs since 1970, in the board's order."""

    version: int
    """Of a board that is not newer than what the series end with."""
    since: int
    until: int
    series: tuple[Series, ...]


class Histories:
    """Reads the history of the top ten through a short memory in this process."""

    def __init__(self, database: BoardDatabase, leaderboard: Leaderboard) -> None:
        self._database = database
        self._leaderboard = leaderboard
        self._kept: TTLCache[int, tuple[float, History]] = TTLCache(SPANS_KEPT, QUIET_SECONDS)
        self._flights: dict[int, Future[History]] = {}
        self._lock = Lock()

    def since(self, moment: datetime) -> History:
        """From that moment, or a bucket before at most, so that near moments share a reading.

        Where it is in a month that was detached, from the first moment that can be told.

        Raises DatabaseUnavailable.
        """
        version = self._leaderboard.top().version.number
        begin = _whole(int(moment.timestamp()))
        with self._lock:
            kept = self._kept.get(begin)
            if kept is not None and _good(*kept, version):
                return kept[1]
            flight = self._flights.get(begin)
            leading = flight is None
            if flight is None:
                self._flights[begin] = flight = Future()
        if leading:
            self._lead(flight, version, begin)
        return flight.result()

    def _lead(self, flight: Future[History], version: int, begin: int) -> None:
        """Read for all who ask meanwhile; they share a failure too, and nobody waits twice."""
        try:
            history = self._read(version, begin)
        except BaseException as error:
            with self._lock:
                del self._flights[begin]
            flight.set_exception(error)
            raise
        with self._lock:
            del self._flights[begin]
            self._kept[begin] = (time.monotonic(), history)
        flight.set_result(history)

    def _read(self, version: int, begin: int) -> History:
        def read(connection: Connection) -> History:
            until = ledger.now(connection)
            told_from = partitions.ledger_begin(connection)
            earliest = int(told_from.timestamp()) if told_from else 0
            since = max(begin, earliest) * 1_000_000
            series = rows.series(connection, since, until, TOP)
            return History(version, since, until, series)

        return self._database.read(read)


def _good(read_at: float, history: History, version: int) -> bool:
    return history.version >= version or time.monotonic() - read_at < BUSY_SECONDS


def _whole(begin: int) -> int:
    bucket = (time.time() - begin) / rows.BUCKETS
    step = next((step for step in _STEPS if step <= bucket), _STEPS[-1])
    return begin - begin % step
