"""Rows of actions, and the score that is their sum."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, text

from app.stores.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

_MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
# Down to where the score stood then, or to where an earlier revocation has brought it since.
_POINTS_SINCE = text(
    "SELECT u.score - least("
    "  coalesce((SELECT score_after FROM actions WHERE user_id = u.id"
    "    AND created_at < CAST(:since AS timestamptz)"
    "    ORDER BY created_at DESC, id DESC LIMIT 1), 0),"
    "  coalesce((SELECT min(score_after) FROM actions WHERE user_id = u.id"
    "    AND created_at >= CAST(:since AS timestamptz)), u.score))"
    " FROM users u WHERE u.id = :user_id"
)
# The lower score was reached when it was first stood at; only then is the order among equals fair.
_COMPENSATE = text(
    "WITH reached AS ("
    "  SELECT id, created_at FROM actions WHERE user_id = :user_id"
    "  AND score_after = (SELECT score FROM users WHERE id = :user_id) - :points"
    "  ORDER BY created_at LIMIT 1"
    "), action AS ("
    "  INSERT INTO actions (user_id, issued_at, nonce, points, score_after)"
    "  SELECT id, clock_timestamp(), gen_random_uuid(), -:points, score - :points"
    "  FROM users WHERE id = :user_id RETURNING id, score_after, created_at"
    ") UPDATE users SET score = action.score_after, revision = revision + 1,"
    "  reached_at = coalesce((SELECT created_at FROM reached), action.created_at),"
    "  reached_action_id = coalesce((SELECT id FROM reached), action.id),"
    "  changed_at = action.created_at"
    " FROM action WHERE users.id = :user_id"
)
_CHANGED = (
    f"SELECT id::text, CASE WHEN {ON_BOARD} THEN score ELSE 0 END, revision,"
    f" coalesce({_MICROSECONDS.format('reached_at')}, 0),"
    f" {_MICROSECONDS.format('changed_at')} FROM users "
)
_OF_USER = text(f"{_CHANGED} WHERE id = :user_id")
_CHANGED_SINCE = text(f"{_CHANGED} WHERE changed_at >= to_timestamp(:since / 1e6)")
# users.id, since a plain id would be the text that is selected, which no index is in order of.
_AFTER_ID = text(f"{_CHANGED} WHERE {ON_BOARD} AND id > :after ORDER BY users.id LIMIT :limit")
_WRONG_SUMS = text(
    "SELECT u.id::text, u.score, coalesce(sum(a.points), 0)::bigint"
    " FROM users u LEFT JOIN actions a ON a.user_id = u.id"
    " GROUP BY u.id HAVING u.score <> coalesce(sum(a.points), 0) ORDER BY u.id"
)
_TOUCH = text(
    "UPDATE users SET revision = revision + 1, changed_at = clock_timestamp() WHERE id = :user_id"
)
_NOW = text(f"SELECT {_MICROSECONDS.format('clock_timestamp()')}")


class Change(NamedTuple):
    """What the rank index has to know of one user; score 0 takes the user off the board."""

    user_id: str
    score: int
    revision: int
    reached_at: int
    """µs since 1970; 0 before the first point."""
    changed_at: int
    """µs since 1970."""


def points_since(connection: Connection, user_id: str, since: datetime | None) -> int:
    """What the user has of the points made since that moment; None: of all points."""
    return int(connection.execute(_POINTS_SINCE, {"user_id": user_id, "since": since}).scalar_one())


def compensate(connection: Connection, user_id: str, points: int) -> None:
    """Take points back by an action of its own, so that the history and its sum stay true.

    The user's row must be locked by this transaction.
    """
    connection.execute(_COMPENSATE, {"user_id": user_id, "points": points})


def change_of(connection: Connection, user_id: str) -> Change:
    """What the index has to know of this user now."""
    return _change(connection.execute(_OF_USER, {"user_id": user_id}).one())


def changed_since(connection: Connection, since: int) -> list[Change]:
    """Users that changed since that time, µs since 1970."""
    return [_change(row) for row in connection.execute(_CHANGED_SINCE, {"since": since})]


def on_board_after(connection: Connection, after: str, limit: int) -> list[Change]:
    """The next users of the board by id, for reading all in chunks."""
    rows = connection.execute(_AFTER_ID, {"after": after, "limit": limit})
    return [_change(row) for row in rows]


def wrong_sums(connection: Connection) -> list[tuple[str, int, int]]:
    """(user id, score, sum of the actions) of users for whom the two differ; reads everything."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_WRONG_SUMS)]


def touch(connection: Connection, user_id: str) -> Change | None:
    """Raise the user's revision, so that the index takes the row anew; None for no such user."""
    if connection.execute(_TOUCH, {"user_id": user_id}).rowcount == 0:
        return None
    return change_of(connection, user_id)


def now(connection: Connection) -> int:
    """PostgreSQL's clock, µs since 1970."""
    return int(connection.execute(_NOW).scalar_one())


def _change(row: Row[str, int, int, int, int]) -> Change:
    return Change(*row)
