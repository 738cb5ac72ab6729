"""Rows of standings: the changes to all boards of a user, and the check against the acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

_REFRESH = text(
    "UPDATE standings s SET"
    " listed = u.status IN ('active', 'flagged') AND is_listed(b, s.score),"
    " revision = s.revision + 1, changed_at = clock_timestamp()"
    " FROM users u, boards b WHERE s.user_id = :user_id AND u.id = s.user_id AND b.id = s.board_id"
)
# A period whose acts may be in a detached month can't be compared. The lowest order is that of the
# act that made the score, because a standing changes only with its score.
_WRONG = text(
    "WITH verified AS ("
    "  SELECT b.id, b.key, b.combine, b.better, b.time_zone, period FROM boards b,"
    "  unnest(b.periods) AS period WHERE b.id <> 0 OR period <> 'all'"
    "), expected AS ("
    "  SELECT v.id AS board_id, v.period,"
    "  period_start(v.period, v.time_zone, a.created_at) AS starts_on, a.user_id,"
    "  CASE v.combine WHEN 'sum' THEN sum(a.points)"
    "    WHEN 'latest' THEN (array_agg(a.points ORDER BY a.created_at DESC, a.id DESC))[1]"
    "    ELSE CASE v.better WHEN 'high' THEN max(a.points) ELSE min(a.points) END"
    "    END::bigint AS score"
    "  FROM verified v JOIN actions a ON a.board_id = v.id"
    "  GROUP BY v.id, v.period, v.time_zone, v.combine, v.better, starts_on, a.user_id"
    ") SELECT b.key, coalesce(s.period, e.period), coalesce(s.user_id, e.user_id)::text,"
    " s.score, e.score"
    " FROM expected e FULL JOIN standings s"
    " USING (board_id, period, starts_on, user_id) JOIN boards b ON b.id = board_id"
    " WHERE s.score IS DISTINCT FROM e.score"
    " AND (CAST(:begin AS timestamptz) IS NULL OR b.created_at >= CAST(:begin AS timestamptz)"
    "   OR starts_on > CAST(:begin AS timestamptz)::date)"
    " ORDER BY 1, 2, 3"
)


@dataclass(frozen=True)
class WrongStanding:
    """A standing that is not what its acts make."""

    board: str
    period: str
    user_id: str
    recorded: int | None
    """None if there is no standing."""
    expected: int | None
    """None if there are no acts."""

    def __str__(self) -> str:
        what = f"{self.user_id}: score on board {self.board}, period {self.period}"
        return f"{what}, is {self.recorded}, should be {self.expected}"


def refresh(connection: Connection, user_id: str) -> None:
    """Give the user's standings a new revision, after a change of the user's status or names.

    The user's row must be locked by this transaction.
    """
    connection.execute(_REFRESH, {"user_id": user_id})


def wrong_standings(connection: Connection, ledger_begin: datetime | None) -> list[WrongStanding]:
    """The standings that differ from their acts; reads both tables.

    `ledger_begin` is the time from which the ledger has all acts; None: from the beginning.
    """
    rows = connection.execute(_WRONG, {"begin": ledger_begin})
    return [WrongStanding(*row) for row in rows]
