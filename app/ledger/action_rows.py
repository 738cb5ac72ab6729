"""Rows of actions of the board `main`, and of users with the score that is the sum of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Row, text

from app.ledger.written_rows import Since, WrittenRows
from app.storage.tables import ON_BOARD

# ruff: noqa: S608 - the parts are constants of this module

_MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
# Back to the score of that time, or to the lowest score since, if points were taken back before.
_POINTS_SINCE = text(
    "SELECT u.score - least("
    "  coalesce((SELECT score_after FROM actions WHERE user_id = u.id AND board_id = 0"
    "    AND created_at < CAST(:since AS timestamptz)"
    "    ORDER BY created_at DESC, id DESC LIMIT 1), 0),"
    "  coalesce((SELECT min(score_after) FROM actions WHERE user_id = u.id AND board_id = 0"
    "    AND created_at >= CAST(:since AS timestamptz)), u.score))"
    " FROM users u WHERE u.id = :user_id"
)
# The lower score counts as reached when the user first had it, which decides among equal scores.
_COMPENSATE = text(
    "WITH reached AS ("
    "  SELECT id, created_at FROM actions WHERE user_id = :user_id AND board_id = 0"
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
    "SELECT id::text, score, revision,"
    f" coalesce({_MICROSECONDS.format('reached_at')}, 0),"
    f" {_MICROSECONDS.format('changed_at')}, {ON_BOARD},"
    " username, display_name FROM users "
)
_OF_USER = text(f"{_CHANGED} WHERE id = :user_id")
_CHANGED_SINCE = WrittenRows(_CHANGED, "users", "changed_at")
# users.id, because a plain id in ORDER BY would be the selected text, which has no index.
_AFTER_ID = text(f"{_CHANGED} WHERE {ON_BOARD} AND id > :after ORDER BY users.id LIMIT :limit")
_WRONG_SUMS = text(
    "SELECT u.id::text, u.score, coalesce(sum(a.points), 0)::bigint"
    " FROM users u LEFT JOIN actions a ON a.user_id = u.id AND a.board_id = 0"
    " GROUP BY u.id HAVING u.score <> coalesce(sum(a.points), 0) ORDER BY u.id"
)
_TOUCH = text(
    "UPDATE users SET revision = revision + 1, changed_at = clock_timestamp() WHERE id = :user_id"
)
# A transaction that has written has a transaction id; its changes are later than its start. That of
# another role is visible only to members of pg_read_all_stats.
_WRITERS = text(
    f"SELECT {_MICROSECONDS.format('clock_timestamp()')},"
    f" {_MICROSECONDS.format('min(xact_start)')}, coalesce(bool_or(xact_start IS NULL), false),"
    " pg_snapshot_xmin(pg_current_snapshot())::text::bigint,"
    " pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    " FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL"
)
_NOW = text(f"SELECT {_MICROSECONDS.format('clock_timestamp()')}")


class DatabaseTime(NamedTuple):
    """PostgreSQL's clock and transaction ids, and how far back changes may still appear."""

    now: int
    """µs since 1970."""
    settled: int | None
    """All changes up to this time are visible or rolled back. None: unknown, because the start of
    a transaction that is writing is hidden from our role."""
    settled_id: int
    """The changes of all transactions before this id are visible or rolled back."""
    next_id: int
    """The id of the next transaction."""


class StandingChange(NamedTuple):
    """What the rank index of a ranking needs to know about a user."""

    user_id: str
    score: int
    """The higher, the better: negative on boards where a low score is better."""
    revision: int
    reached_at: int
    """µs since 1970; 0 before the first point."""
    changed_at: int
    """µs since 1970."""
    listed: bool
    """Whether the user is on the board."""
    username: str = ""
    """The names, here and below, are those at that revision; "": not read."""
    display_name: str = ""


def points_since(connection: Connection, user_id: str, since: datetime | None) -> int:
    """The points since that moment that the user still has; None: since the first one."""
    return int(connection.execute(_POINTS_SINCE, {"user_id": user_id, "since": since}).scalar_one())


def compensate(connection: Connection, user_id: str, points: int) -> None:
    """Take points back by an action with negative points, so that the sum of actions stays true.

    The user's row must be locked by this transaction.
    """
    connection.execute(_COMPENSATE, {"user_id": user_id, "points": points})


def change_of(connection: Connection, user_id: str) -> StandingChange:
    """What the rank index needs to know about this user now."""
    return _change(connection.execute(_OF_USER, {"user_id": user_id}).one())


def changed_since(connection: Connection, since: Since) -> Iterator[list[StandingChange]]:
    """Users that changed since that moment, and perhaps others, in chunks."""
    for rows in _CHANGED_SINCE.read(connection, since):
        yield [StandingChange(*row) for row in rows]


def on_board_after(connection: Connection, after: str, limit: int) -> list[StandingChange]:
    """The next users on the board in the order of ids, to read all in chunks."""
    rows = connection.execute(_AFTER_ID, {"after": after, "limit": limit})
    return [_change(row) for row in rows]


def wrong_sums(connection: Connection) -> list[tuple[str, int, int]]:
    """(user id, score, sum of the actions) of users for whom they differ; reads both tables."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_WRONG_SUMS)]


def touch(connection: Connection, user_id: str) -> StandingChange | None:
    """Raise the user's revision, so that the index applies the row again; None: no such user."""
    if connection.execute(_TOUCH, {"user_id": user_id}).rowcount == 0:
        return None
    return change_of(connection, user_id)


def time(connection: Connection) -> DatabaseTime:
    """PostgreSQL's time; read it before the changes."""
    now_us, oldest, hidden, settled_id, next_id = connection.execute(_WRITERS).one()
    settled = None if hidden else min(now_us, oldest or now_us)
    return DatabaseTime(now_us, settled, settled_id, next_id)


def now(connection: Connection) -> int:
    """The time by PostgreSQL's clock, in µs since 1970."""
    return int(connection.execute(_NOW).scalar_one())


def _change(row: Row[str, int, int, int, int, bool, str, str]) -> StandingChange:
    return StandingChange(*row)
