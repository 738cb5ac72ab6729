"""The board read from PostgreSQL: pages by keyset, and ranks where the index is not whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.contract.standings import Position
from app.stores.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

_SELECT = (
    "SELECT id::text, username, display_name, score,"
    " (extract(epoch FROM reached_at) * 1000000)::bigint, reached_action_id"
    f" FROM users WHERE {ON_BOARD}"
)
_PLACE = "(-score, reached_at, reached_action_id)"
_GIVEN = "(-CAST(:score AS bigint), to_timestamp(:reached_at / 1e6), :action_id)"
_DOWN = "ORDER BY -score, reached_at, reached_action_id LIMIT :limit"
_UP = "ORDER BY -score DESC, reached_at DESC, reached_action_id DESC LIMIT :limit"

_TOP = text(f"{_SELECT} {_DOWN}")
_AFTER = text(f"{_SELECT} AND {_PLACE} > {_GIVEN} {_DOWN}")
_BEFORE = text(f"{_SELECT} AND {_PLACE} < {_GIVEN} {_UP}")
_OF_USER = text(f"{_SELECT} AND id = :user_id")
_BY_SCORE = text(f"SELECT score, count(*) FROM users WHERE {ON_BOARD} GROUP BY score")


@dataclass(frozen=True)
class BoardRow:
    """A user on the board with the place in its order, but without a rank."""

    user_id: str
    username: str
    display_name: str
    position: Position


def top(connection: Connection, limit: int) -> list[BoardRow]:
    """The first rows of the board."""
    return _rows(connection.execute(_TOP, {"limit": limit}))


def after(connection: Connection, position: Position, limit: int) -> list[BoardRow]:
    """The rows that follow a place, the nearest first."""
    return _rows(connection.execute(_AFTER, _at(position, limit)))


def before(connection: Connection, position: Position, limit: int) -> list[BoardRow]:
    """The rows above a place, in the board's order."""
    return _rows(connection.execute(_BEFORE, _at(position, limit)))[::-1]


def of_user(connection: Connection, user_id: str) -> BoardRow | None:
    """The user's own row, None for who is not on the board."""
    rows = _rows(connection.execute(_OF_USER, {"user_id": user_id}))
    return rows[0] if rows else None


def players_by_score(connection: Connection) -> list[tuple[int, int]]:
    """Each score that somebody has, with how many have it; reads everybody (0.1 s a million)."""
    return [(score, number) for score, number in connection.execute(_BY_SCORE)]


def _at(position: Position, limit: int) -> dict[str, int]:
    return {
        "score": position.score,
        "reached_at": position.reached_at,
        "action_id": position.action_id,
        "limit": limit,
    }


def _rows(result: Iterable[tuple[str, str, str, int, int, int]]) -> list[BoardRow]:
    return [
        BoardRow(user_id, username, display_name, Position(score, reached_at, action_id))
        for user_id, username, display_name, score, reached_at, action_id in result
    ]
