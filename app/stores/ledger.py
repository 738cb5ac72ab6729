"""Rows of actions, and the score that is their sum."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, text

# ruff: noqa: S608 - the parts are constants of this module

_MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
_FIND = text(
    "SELECT score_after FROM actions"
    " WHERE issued_at = to_timestamp(:issued_at / 1000.0) AND nonce = :nonce"
)
# The token's age is judged by PostgreSQL's clock, and only here, where the user's row is locked.
_COUNT = text(
    "WITH action AS ("
    "  INSERT INTO actions (user_id, issued_at, nonce, points, score_after)"
    "  SELECT id, to_timestamp(:issued_at / 1000.0), :nonce, :points, score + :points"
    "  FROM users WHERE id = :user_id"
    "  AND clock_timestamp() <= to_timestamp((:issued_at + :lifetime) / 1000.0)"
    "  RETURNING id, score_after, created_at"
    ") UPDATE users SET score = action.score_after, revision = revision + 1,"
    "  reached_at = action.created_at, reached_action_id = action.id,"
    "  changed_at = action.created_at"
    " FROM action WHERE users.id = :user_id"
    f" RETURNING score, revision, {_MICROSECONDS.format('reached_at')}"
)
_CHANGED = (
    f"SELECT id::text, CASE WHEN status = 'banned' THEN 0 ELSE score END, revision,"
    f" coalesce({_MICROSECONDS.format('reached_at')}, 0),"
    f" {_MICROSECONDS.format('changed_at')} FROM users "
)
_OF_USER = text(f"{_CHANGED} WHERE id = :user_id")
_CHANGED_SINCE = text(f"{_CHANGED} WHERE changed_at >= to_timestamp(:since / 1e6)")
_AFTER_ID = text(
    f"{_CHANGED} WHERE score > 0 AND status <> 'banned' AND id > :after ORDER BY id LIMIT :limit"
)
_NOW = text(f"SELECT {_MICROSECONDS.format('clock_timestamp()')}")


@dataclass(frozen=True)
class Change:
    """What the rank index has to know of one user; score 0 takes the user off the board."""

    user_id: str
    score: int
    revision: int
    reached_at: int
    """µs since 1970; 0 before the first point."""
    changed_at: int
    """µs since 1970."""


def score_of(connection: Connection, issued_at: int, nonce: str) -> int | None:
    """The score after the action of that token, None where it was not counted."""
    row = connection.execute(_FIND, {"issued_at": issued_at, "nonce": nonce}).one_or_none()
    return row[0] if row else None


def count(
    connection: Connection, user_id: str, issued_at: int, nonce: str, lifetime: int
) -> Change | None:
    """Write the action and add its point; None where the token is older than `lifetime`.

    The user's row must be locked by this transaction. issued_at and lifetime in ms.
    """
    values = {
        "user_id": user_id,
        "issued_at": issued_at,
        "nonce": nonce,
        "points": 1,
        "lifetime": lifetime,
    }
    row = connection.execute(_COUNT, values).one_or_none()
    return Change(user_id, row[0], row[1], row[2], row[2]) if row else None


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


def now(connection: Connection) -> int:
    """PostgreSQL's clock, µs since 1970."""
    return int(connection.execute(_NOW).scalar_one())


def _change(row: Row[str, int, int, int, int]) -> Change:
    return Change(*row)
