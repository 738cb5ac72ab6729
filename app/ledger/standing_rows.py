"""Rows of standings: the changes to all boards of a user, and the check against the acts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from app.contract.standings import Ranking
from app.ledger.action_rows import StandingChange
from app.ledger.written_rows import Since, WrittenRows
from app.storage.database import Database

# ruff: noqa: S608 - the parts are constants of this module

_MICROSECONDS = "(extract(epoch FROM standings.{0}) * 1000000)::bigint"
_CHANGE = (
    "b.key, standings.period, standings.starts_on, standings.user_id::text,"
    " -standings.order_score, standings.revision,"
    f" {_MICROSECONDS.format('reached_at')}, {_MICROSECONDS.format('changed_at')}, standings.listed"
)
# Only the present periods have an index.
_OF_USER = text(
    f"SELECT {_CHANGE}, u.username, u.display_name"
    " FROM standings JOIN boards b ON b.id = standings.board_id"
    " JOIN users u ON u.id = standings.user_id"
    " WHERE standings.user_id = :user_id"
    " AND standings.starts_on = period_start(standings.period, b.time_zone, clock_timestamp())"
)
# From the boards to the standings by their primary key.
_OF_USERS = (
    f"SELECT {_CHANGE}, u.username, u.display_name"
    " FROM unnest(%(board_ids)s::integer[], %(user_ids)s::uuid[])"
    "   AS asked(board_id, user_id)"
    " JOIN boards b ON b.id = asked.board_id CROSS JOIN unnest(b.periods) AS kind"
    " JOIN standings ON standings.board_id = b.id AND standings.period = kind"
    "   AND standings.starts_on = period_start(kind, b.time_zone, clock_timestamp())"
    "   AND standings.user_id = asked.user_id"
    " JOIN users u ON u.id = asked.user_id"
)
_CHANGED_SINCE = WrittenRows(
    f"SELECT {_CHANGE} FROM standings JOIN boards b ON b.id = standings.board_id"
    " JOIN unnest(CAST(:boards AS text[]), CAST(:periods AS text[]), CAST(:starts AS date[]))"
    "   AS asked(board, period, starts_on) ON asked.board = b.key"
    "   AND asked.period = standings.period AND asked.starts_on = standings.starts_on",
    "standings",
    "changed_at",
)
_LISTED_AFTER = text(
    f"SELECT {_CHANGE} FROM boards b JOIN standings ON standings.board_id = b.id"
    " WHERE b.key = :board AND standings.period = :period"
    " AND standings.starts_on = CAST(:starts_on AS date)"
    " AND standings.user_id > CAST(:after AS uuid) AND standings.listed"
    " ORDER BY standings.user_id LIMIT :limit"
)
_REFRESH = text(
    "UPDATE standings s SET"
    " listed = u.status IN ('active', 'flagged') AND is_listed(b, s.score)"
    "   AND s.reached_action_id <> 0,"
    " revision = s.revision + 1, changed_at = clock_timestamp()"
    " FROM users u, boards b WHERE s.user_id = :user_id AND u.id = s.user_id AND b.id = s.board_id"
)
# Finds standings that differ from those computed from the remaining acts. Periods with acts that
# may be in a detached month are left out, and so are standings whose acts were all taken back. If a
# player has a hidden standing, it is compared instead of the shown one.
_WRONG = text(
    "WITH expected AS ("
    "  SELECT b.id AS board_id, remaining.* FROM boards b, remaining_scores(b, NULL) AS remaining"
    ") SELECT b.key, coalesce(s.period, e.period), coalesce(s.user_id, e.user_id)::text,"
    " s.score, e.score"
    " FROM expected e FULL JOIN (SELECT * FROM real_standings WHERE reached_action_id <> 0) s"
    " USING (board_id, period, starts_on, user_id) JOIN boards b ON b.id = board_id"
    " WHERE s.score IS DISTINCT FROM e.score"
    " AND (CAST(:begin AS timestamptz) IS NULL OR b.created_at >= CAST(:begin AS timestamptz)"
    "   OR starts_on > CAST(:begin AS timestamptz)::date)"
    " ORDER BY 1, 2, 3"
)


class RankingChange(NamedTuple):
    """What the rank index of a ranking needs to know about one of its players."""

    ranking: Ranking
    change: StandingChange


@dataclass(frozen=True)
class WrongStanding:
    """A standing that differs from the one computed from its acts."""

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


def changes_of_user(connection: Connection, user_id: str) -> list[RankingChange]:
    """The user's standings in the present periods, except in `main` of all time."""
    rows = connection.execute(_OF_USER, {"user_id": user_id})
    return [_ranking_change(*row) for row in rows]


def changes_of(database: Database, players: Collection[tuple[int, str]]) -> list[RankingChange]:
    """The standings of players, as (board id, user id), in the present periods of these boards.

    Raises DatabaseUnavailable.
    """
    values = {
        "board_ids": [board_id for board_id, _ in players],
        "user_ids": [user_id for _, user_id in players],
    }
    return [_ranking_change(*row) for row in database.query(_OF_USERS, values)]


def changed_since(
    connection: Connection, since: Since, rankings: Sequence[Ranking]
) -> Iterator[list[RankingChange]]:
    """The standings of these rankings that changed since that moment, and perhaps others."""
    values = {
        "boards": [ranking.board for ranking in rankings],
        "periods": [ranking.period for ranking in rankings],
        "starts": [_first_day(ranking) for ranking in rankings],
    }
    for rows in _CHANGED_SINCE.read(connection, since, values):
        yield [_ranking_change(*row) for row in rows]


def listed_after(
    connection: Connection, ranking: Ranking, after: str, limit: int
) -> list[StandingChange]:
    """The next listed players of a ranking in the order of ids, to read all in chunks."""
    values = {
        "board": ranking.board,
        "period": ranking.period,
        "starts_on": _first_day(ranking),
        "after": after,
        "limit": limit,
    }
    rows = connection.execute(_LISTED_AFTER, values)
    return [_ranking_change(*row).change for row in rows]


def change_from_json(
    board: str, user_id: str, standing: Sequence[Any], names: Sequence[str]
) -> RankingChange:
    """The change in one entry of present_standings(); `names` are the last fields of the change."""
    period, starts_on, *change = standing
    ranking = Ranking(board, period, None if period == "all" else date.fromisoformat(starts_on))
    return RankingChange(ranking, StandingChange(user_id, *change, *names))


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


def _first_day(ranking: Ranking) -> str:
    return str(ranking.starts_on) if ranking.starts_on else "-infinity"


def _ranking_change(board: str, period: Any, starts_on: date, *change: Any) -> RankingChange:
    # psycopg2 reads -infinity as the first date that Python has.
    ranking = Ranking(board, period, None if period == "all" else starts_on)
    return RankingChange(ranking, StandingChange(*change))
