"""Statements that change a user's status or role; each raises the user's revision.

The transaction must have locked the user's row. Every change sets moderated_at, and a change that
the board shows also sets changed_at, so that the reconciler finds what was not published.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, text

from app.ledger.written_rows import Since, WrittenRows

# ruff: noqa: S608 - the parts are constants of this module

_SHOWN = "revision = revision + 1, changed_at = clock_timestamp(), moderated_at = clock_timestamp()"
_UNSHOWN = "revision = revision + 1, moderated_at = clock_timestamp()"
_BAN = text(
    "UPDATE users SET status = 'banned', banned_until = :until, ban_reason = :reason,"
    f" {_SHOWN} WHERE id = :id"
)
_UNBAN = text(
    "UPDATE users SET status = 'active', banned_until = NULL, ban_reason = NULL,"
    " flagged_until = NULL,"
    f" pardoned_at = clock_timestamp(), {_SHOWN} WHERE id = :id AND status = 'banned'"
)
_FLAG = text(
    "UPDATE users SET status = 'flagged',"
    " flagged_at = CASE WHEN :extend AND status = 'flagged' THEN flagged_at"
    " ELSE to_timestamp(:at / 1000.0) END,"
    " flagged_until = CASE WHEN :extend AND status = 'flagged'"
    " THEN greatest(flagged_until, to_timestamp((:at + :milliseconds) / 1000.0))"
    f" ELSE to_timestamp((:at + :milliseconds) / 1000.0) END, {_UNSHOWN}"
    " WHERE id = :id AND status IN ('active', 'flagged')"
)
_UNFLAG = text(
    "UPDATE users SET status = 'active', flagged_until = NULL, pardoned_at = clock_timestamp(),"
    f" {_UNSHOWN} WHERE id = :id AND status = 'flagged'"
)
_ROLE = text(f"UPDATE users SET role = :role, {_UNSHOWN} WHERE id = :id")
_DELETE = text(
    "UPDATE users SET status = 'deleted', role = 'player', password_hash = '',"
    " username = 'deleted:' || left(replace(id::text, '-', ''), 24),"
    f" display_name = 'Deleted player', last_login_at = NULL,"
    f" ban_reason = NULL, {_SHOWN} WHERE id = :id"
)
_EXPIRED = text(
    "SELECT id::text FROM users"
    " WHERE (status = 'banned' AND banned_until <= clock_timestamp())"
    " OR (status = 'flagged' AND flagged_until <= clock_timestamp())"
    " ORDER BY users.id FOR NO KEY UPDATE SKIP LOCKED LIMIT :limit"
)
_EXPIRE_BAN = text(
    "UPDATE users SET status = 'active', banned_until = NULL, ban_reason = NULL,"
    " flagged_until = NULL,"
    f" pardoned_at = clock_timestamp(), {_SHOWN}"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'banned'"
)
_EXPIRE_FLAG = text(
    f"UPDATE users SET status = 'active', flagged_until = NULL, {_UNSHOWN}"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'flagged'"
)
_MODERATED_SINCE = WrittenRows("SELECT id::text FROM users", "users", "moderated_at")


def ban(connection: Connection, user_id: str, until: datetime | None, reason: str | None) -> None:
    """Ban the user until that time; None: until an unban. The user may read the reason."""
    connection.execute(_BAN, {"id": user_id, "until": until, "reason": reason})


def unban(connection: Connection, user_id: str) -> bool:
    """End a ban and pardon the fraud events before it; False if the user is not banned."""
    return connection.execute(_UNBAN, {"id": user_id}).rowcount == 1


def flag(
    connection: Connection, user_id: str, at: int, seconds: int, *, extend: bool = False
) -> bool:
    """Flag the user from `at` (ms since 1970) on; False if the user is banned.

    With `extend` a flag in force keeps its start, and its end is never moved to an earlier time.
    """
    values = {"id": user_id, "at": at, "milliseconds": seconds * 1000, "extend": extend}
    return connection.execute(_FLAG, values).rowcount == 1


def unflag(connection: Connection, user_id: str) -> bool:
    """End a flag and pardon the fraud events before it; False if the user is not flagged."""
    return connection.execute(_UNFLAG, {"id": user_id}).rowcount == 1


def set_role(connection: Connection, user_id: str, role: str) -> None:
    """Give the user the role `admin` or `player`."""
    connection.execute(_ROLE, {"id": user_id, "role": role})


def delete(connection: Connection, user_id: str) -> None:
    """Remove names and password; the row, its actions and so the sums stay."""
    connection.execute(_DELETE, {"id": user_id})


def expire(connection: Connection, limit: int) -> list[str]:
    """End expired bans and flags; returns the ids of their users."""
    expired = list(connection.execute(_EXPIRED, {"limit": limit}).scalars())
    if expired:
        connection.execute(_EXPIRE_BAN, {"ids": expired})
        connection.execute(_EXPIRE_FLAG, {"ids": expired})
    return expired


def moderated_since(connection: Connection, since: Since) -> Iterator[list[str]]:
    """Ids of the users whose status or role changed since that moment, and others, in chunks."""
    for rows in _MODERATED_SINCE.read(connection, since):
        yield [user_id for (user_id,) in rows]
