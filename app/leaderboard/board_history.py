"""The scores of the leaders of any board and period over time, for charts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from cachetools import TTLCache
from sqlalchemy import Connection, text

from app.boards.board import Board
from app.boards.periods import Period
from app.concurrency.single_flight import SingleFlight
from app.contract.standings import TOP, Score, Series, Standing, microseconds
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.history_rows import BUCKETS
from app.ledger import partition_rows
from app.storage.database import Database

CACHE_SECONDS = 1.0
MAX_CACHED = 64
DEFAULT_SPAN = timedelta(hours=1)

# One statement, so that leaders, scores and acts come from one snapshot. It reads all acts of the
# leaders in the period, because what was taken back changes every score after it. Where acts are in
# detached months, a sum begins with the rest of the score (base), and a best score that was reached
# in such a month has not changed since.
_SERIES = text(
    "WITH leader AS ("
    "  SELECT s.user_id, u.username, u.display_name, s.score, s.reached_action_id,"
    "  rank() OVER (ORDER BY s.order_score) AS rank,"
    "  row_number() OVER (ORDER BY s.order_score, s.reached_at, s.reached_action_id) AS number"
    "  FROM standings s JOIN users u ON u.id = s.user_id"
    "  WHERE s.board_id = :board_id AND s.period = :period AND s.listed"
    "  AND s.starts_on = coalesce(CAST(:starts_on AS date), '-infinity')"
    "  ORDER BY s.order_score, s.reached_at, s.reached_action_id LIMIT :leaders"
    "), scored AS ("
    "  SELECT leader.number, a.id, a.created_at,"
    "  CASE b.combine WHEN 'sum' THEN leader.score - sum(a.points) OVER player ELSE 0 END AS base,"
    "  (CASE WHEN b.combine = 'sum' THEN sum(a.points) OVER earlier"
    "    WHEN b.combine = 'latest' THEN a.points"
    "    WHEN NOT bool_or(a.id = leader.reached_action_id) OVER player THEN leader.score"
    "    WHEN b.better = 'high' THEN max(a.points) OVER earlier"
    "    ELSE min(a.points) OVER earlier END) AS score"
    "  FROM leader JOIN shown_acts a ON a.user_id = leader.user_id AND a.board_id = :board_id"
    "  JOIN boards b ON b.id = :board_id,"
    "  LATERAL (SELECT b.periods_from[array_position(b.periods, :period)] AS counted_from) AS kind"
    "  WHERE a.created_at >= coalesce(CAST(:begin AS timestamptz), '-infinity')"
    "  AND a.created_at < coalesce(CAST(:end AS timestamptz), 'infinity')"
    "  AND (kind.counted_from IS NULL OR a.created_at >= kind.counted_from)"
    "  WINDOW player AS (PARTITION BY a.user_id), earlier AS (player ORDER BY a.id)"
    "), bucketed AS ("
    "  SELECT DISTINCT ON (number, bucket) number, bucket, created_at, base, score FROM scored,"
    "  LATERAL (SELECT CASE WHEN created_at > CAST(:since AS timestamptz) THEN least(:buckets,"
    "    ceil(extract(epoch FROM created_at - CAST(:since AS timestamptz)) / :width)) ELSE 0 END"
    "    AS bucket) AS part"
    "  ORDER BY number, bucket, id DESC"
    ") SELECT leader.rank, leader.user_id::text, leader.username, leader.display_name,"
    " leader.score, bucketed.bucket,"
    " (extract(epoch FROM bucketed.created_at) * 1000000)::bigint, bucketed.base::bigint,"
    " (bucketed.base + bucketed.score)::bigint"
    " FROM leader LEFT JOIN bucketed USING (number) ORDER BY leader.number, bucketed.bucket"
)


@dataclass(frozen=True)
class BoardHistory:
    """The leaders' scores from `since` to `until`, in the board's order."""

    period: Period
    version: int | None
    """A version of the board; the series are at least as new. None if the period is over."""
    since: datetime
    until: datetime
    series: tuple[Series, ...]


class BoardHistories:
    """Reads histories and caches each for a second; raises DatabaseUnavailable."""

    def __init__(self, database: Database, standings: BoardStandings) -> None:
        self._database = database
        self._standings = standings
        self._flights: SingleFlight[tuple[object, ...], BoardHistory] = SingleFlight()
        self._lock = Lock()
        self._cache: TTLCache[tuple[object, ...], BoardHistory] = TTLCache(
            MAX_CACHED, CACHE_SECONDS
        )

    def of(self, board: Board, period: Period, since: datetime | None) -> BoardHistory:
        """The history of a period from that moment on, at most from the period's beginning.

        None: the last hour, or all of a period that is over. If the moment lies in a detached
        month, it starts where the ledger starts.
        """
        key = (board.id, period, since.replace(microsecond=0) if since else None)
        with self._lock:
            cached = self._cache.get(key)
        if cached is not None:
            return cached
        history = self._flights.run(key, lambda: self._read(board, period, since)).result
        with self._lock:
            self._cache[key] = history
        return history

    def _read(self, board: Board, period: Period, since: datetime | None) -> BoardHistory:
        version = self._standings.top(board, period, 1).version
        now = datetime.now(UTC)
        until = min(period.ends_at or now, now)
        first = period.starts_at or board.created_at
        over = period.ends_at is not None and period.ends_at <= now
        chosen = since or (first if over else now - DEFAULT_SPAN)
        with self._database.reading() as connection:
            ledger_begin = partition_rows.ledger_begin(connection) or first
            begin = min(max(chosen, first, ledger_begin), until)
            series = _series(connection, board, period, begin, until)
        return BoardHistory(period, version, begin, until, series)


def _series(
    connection: Connection, board: Board, period: Period, since: datetime, until: datetime
) -> tuple[Series, ...]:
    values: dict[str, Any] = {
        "board_id": board.id,
        "period": period.kind,
        "starts_on": period.starts_on,
        "begin": period.starts_at,
        "end": period.ends_at,
        "since": since,
        "leaders": TOP,
        "buckets": BUCKETS,
        "width": max((until - since).total_seconds(), 1) / BUCKETS,
    }
    start, end = microseconds(since), microseconds(until)
    found: dict[Standing, list[Score]] = {}
    for *columns, bucket, at, base, score in connection.execute(_SERIES, values):
        standing = Standing(*columns)
        points = found.setdefault(standing, [])
        if bucket is None:
            # All acts are in detached months.
            points.append(Score(start, standing.score))
            continue
        if not points and bucket > 0 and base:
            points.append(Score(start, base))
        # The score at the beginning is that of the last act before it.
        points.append(Score(start if bucket == 0 else at, score))
    return tuple(
        Series(standing, (*points, Score(max(end, points[-1].at), standing.score)))
        for standing, points in found.items()
    )
