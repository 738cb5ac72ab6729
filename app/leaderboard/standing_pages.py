"""Reads the standings of boards from PostgreSQL, in pages by order key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from app.boards.periods import Period
from app.contract.standings import OrderKey, Standing

# ruff: noqa: S608 - the parts are constants of this module

_IN_PERIOD = (
    "s.board_id = :board_id AND s.period = :period"
    " AND s.starts_on = coalesce(CAST(:starts_on AS date), '-infinity') AND s.listed"
)
_SELECT = (
    "SELECT s.user_id::text, u.username, u.display_name, s.score, -s.order_score,"
    " (extract(epoch FROM s.reached_at) * 1000000)::bigint, s.reached_action_id, s.revision"
    f" FROM standings s JOIN users u ON u.id = s.user_id WHERE {_IN_PERIOD}"
)
_ORDER = "s.order_score, s.reached_at, s.reached_action_id"
_GIVEN = "(:order_score, to_timestamp(:reached_at / 1e6), :action_id)"
_TOP = text(f"{_SELECT} ORDER BY {_ORDER} LIMIT :limit")
_AFTER = text(f"{_SELECT} AND ({_ORDER}) > {_GIVEN} ORDER BY {_ORDER} LIMIT :limit")
_BEFORE = text(
    f"{_SELECT} AND ({_ORDER}) < {_GIVEN}"
    " ORDER BY s.order_score DESC, s.reached_at DESC, s.reached_action_id DESC LIMIT :limit"
)
_OF_USER = text(f"{_SELECT} AND s.user_id = :user_id")
_OF_USERS = text(
    f"SELECT s.user_id::text AS user_id, s.score FROM standings s WHERE {_IN_PERIOD}"
    " AND s.user_id = ANY(CAST(:user_ids AS uuid[]))"
)
_PRECEDING = text(
    f"SELECT count(*) FILTER (WHERE s.order_score < :order_score), count(*) FROM standings s"
    f" WHERE {_IN_PERIOD} AND ({_ORDER}) < {_GIVEN}"
)
_BETTER = text(
    f"SELECT count(*) FROM standings s WHERE {_IN_PERIOD} AND s.order_score < :order_score"
)
_BY_SCORE = text(
    f"SELECT s.score, count(*) FROM standings s WHERE {_IN_PERIOD}"
    " GROUP BY s.score, s.order_score ORDER BY s.order_score"
)
# A score with hidden acts has no rank: its rank among the shown scores is no player's rank.
_ALL_OF_USER = text(
    "SELECT b.key, s.period, s.starts_on, b.time_zone, s.score,"
    " CASE WHEN NOT s.hidden THEN (SELECT count(*) FROM standings o"
    "   WHERE o.board_id = s.board_id AND o.period = s.period"
    "   AND o.starts_on = s.starts_on AND o.listed AND o.order_score < s.order_score) + 1 END"
    "   AS rank,"
    " (SELECT count(*) FROM standings o WHERE o.board_id = s.board_id AND o.period = s.period"
    "   AND o.starts_on = s.starts_on AND o.listed) AS players"
    " FROM real_standings s JOIN boards b ON b.id = s.board_id"
    " WHERE s.user_id = :user_id AND s.listed"
    " AND s.starts_on = period_start(s.period, b.time_zone, clock_timestamp())"
    " ORDER BY b.key, array_position(b.periods, s.period)"
)


@dataclass(frozen=True)
class StandingRow:
    """A listed standing with its order key, but without a rank."""

    user_id: str
    username: str
    display_name: str
    score: int
    position: OrderKey
    """Its `score` is the index score."""
    revision: int

    def ranked(self, rank: int) -> Standing:
        return Standing(rank, self.user_id, self.username, self.display_name, self.score)


@dataclass(frozen=True)
class OwnBoardStanding:
    """A player's standing in the present period of a board."""

    board: str
    period: Period
    score: int
    rank: int | None
    """None while the score has hidden acts."""
    players: int
    """The number of players on the shown board."""


def top(connection: Connection, board_id: int, period: Period, limit: int) -> list[StandingRow]:
    """The first rows of the period."""
    return _rows(connection.execute(_TOP, _values(board_id, period) | {"limit": limit}))


def after(
    connection: Connection, board_id: int, period: Period, position: OrderKey, limit: int
) -> list[StandingRow]:
    """The rows after an order key, the nearest first."""
    return _rows(connection.execute(_AFTER, _at(board_id, period, position, limit)))


def before(
    connection: Connection, board_id: int, period: Period, position: OrderKey, limit: int
) -> list[StandingRow]:
    """The rows before an order key, in the order of the board."""
    return _rows(connection.execute(_BEFORE, _at(board_id, period, position, limit)))[::-1]


def of_user(
    connection: Connection, board_id: int, period: Period, user_id: str
) -> StandingRow | None:
    """The row of the user; None if the user is not listed."""
    values = _values(board_id, period) | {"user_id": user_id}
    rows = _rows(connection.execute(_OF_USER, values))
    return rows[0] if rows else None


def around(
    connection: Connection, board_id: int, period: Period, user_id: str, span: int
) -> list[StandingRow]:
    """The user's row with `span` rows above and below; empty if the user is not listed."""
    own = of_user(connection, board_id, period, user_id)
    if own is None:
        return []
    above = before(connection, board_id, period, own.position, span)
    return [*above, own, *after(connection, board_id, period, own.position, span)]


def scores_of(
    connection: Connection, board_id: int, period: Period, user_ids: Sequence[str]
) -> dict[str, int]:
    """The scores of those of the users that are listed."""
    values = _values(board_id, period) | {"user_ids": list(user_ids)}
    return {row.user_id: row.score for row in connection.execute(_OF_USERS, values)}


def ranks_of(
    connection: Connection, board_id: int, period: Period, rows: Sequence[StandingRow]
) -> list[int]:
    """The competition ranks of adjacent rows; takes as long as there are rows before them."""
    if not rows:
        return []
    first = rows[0]
    values = _at(board_id, period, first.position, 0)
    better, preceding = connection.execute(_PRECEDING, values).one()
    ranks: list[int] = [better + 1]
    for index, (row, above) in enumerate(zip(rows[1:], rows, strict=False), start=1):
        ranks.append(ranks[-1] if row.score == above.score else preceding + index + 1)
    return ranks


def rank_of(connection: Connection, board_id: int, period: Period, order_score: int) -> int:
    """The competition rank of an order score, counted."""
    values = _values(board_id, period) | {"order_score": order_score}
    return int(connection.execute(_BETTER, values).scalar_one()) + 1


def ranks_by_score(connection: Connection, board_id: int, period: Period) -> dict[int, int]:
    """The rank of each score that a player has; reads all rows of the period."""
    ranks, better = {}, 0
    for score, players in connection.execute(_BY_SCORE, _values(board_id, period)):
        ranks[score] = better + 1
        better += players
    return ranks


def all_of_user(connection: Connection, user_id: str) -> list[OwnBoardStanding]:
    """The user's standings in the present periods of all boards."""
    rows = connection.execute(_ALL_OF_USER, {"user_id": user_id})
    return [
        OwnBoardStanding(
            row.key,
            # psycopg2 reads -infinity as the first date that Python has.
            Period(row.period, None if row.period == "all" else row.starts_on, row.time_zone),
            row.score,
            row.rank,
            row.players,
        )
        for row in rows
    ]


def _values(board_id: int, period: Period) -> dict[str, Any]:
    return {"board_id": board_id, "period": period.kind, "starts_on": period.starts_on}


def _at(board_id: int, period: Period, position: OrderKey, limit: int) -> dict[str, Any]:
    return _values(board_id, period) | {
        "order_score": -position.score,
        "reached_at": position.reached_at,
        "action_id": position.action_id,
        "limit": limit,
    }


def _rows(result: Iterable[tuple[str, str, str, int, int, int, int, int]]) -> list[StandingRow]:
    return [
        StandingRow(user, username, name, score, OrderKey(key, reached_at, action_id), revision)
        for user, username, name, score, key, reached_at, action_id, revision in result
    ]
