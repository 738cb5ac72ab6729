"""Changes of a user's standing with the moderators; each raises the user's revision.

The user's row must be locked by the transaction. A change that the board shows sets changed_at,
every one sets moderated_at, so the repair pass finds what Redis was not told.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

# ruff: noqa: S608 - the parts are constants of this module

_SHOWN = "revision = revision + 1, changed_at = clock_timestamp(), moderated_at = clock_timestamp()"
_UNSHOWN = "revision = revision + 1, moderated_at = clock_timestamp()"
_BAN = text(f"UPDATE users SET status = 'banned', banned_until = :until, {_SHOWN} WHERE id = :id")
_UNBAN = text(
    "UPDATE users SET status = 'active', banned_until = NULL, flagged_until = NULL,"
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
    f" display_name = 'Deleted player', last_login_at = NULL, {_SHOWN} WHERE id = :id"
)
_DUE = text(
    "SELECT id::text FROM users"
    " WHERE (status = 'banned' AND banned_until <= clock_timestamp())"
    " OR (status = 'flagged' AND flagged_until <= clock_timestamp())"
    " ORDER BY users.id FOR NO KEY UPDATE SKIP LOCKED LIMIT :limit"
)
_EXPIRE_BAN = text(
    "UPDATE users SET status = 'active', banned_until = NULL, flagged_until = NULL,"
    f" pardoned_at = clock_timestamp(), {_SHOWN}"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'banned'"
)
_EXPIRE_FLAG = text(
    f"UPDATE users SET status = 'active', flagged_until = NULL, {_UNSHOWN}"
    " WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'flagged'"
)
_MODERATED_SINCE = text(
    "SELECT id::text FROM users WHERE moderated_at >= to_timestamp(:since / 1e6)"
)


def ban(connection: Connection, user_id: str, until: datetime | None) -> None:
    """Ban the user; None: until somebody unbans."""
    connection.execute(_BAN, {"id": user_id, "until": until})


def unban(connection: Connection, user_id: str) -> bool:
    """End a ban and pardon what led to it; False where there was none."""
    return connection.execute(_UNBAN, {"id": user_id}).rowcount == 1


def flag(
    connection: Connection, user_id: str, at: int, seconds: int, *, extend: bool = False
) -> bool:
    """Flag the user from `at` (ms since 1970) for so long; False for one who is banned.

    With `extend` a flag that holds already is only made longer, never shorter or milder.
    """
    values = {"id": user_id, "at": at, "milliseconds": seconds * 1000, "extend": extend}
    return connection.execute(_FLAG, values).rowcount == 1


def unflag(connection: Connection, user_id: str) -> bool:
    """End a flag and pardon what led to it; False where there was none."""
    return connection.execute(_UNFLAG, {"id": user_id}).rowcount == 1


def set_role(connection: Connection, user_id: str, role: str) -> None:
    """Make the user an admin, or a player again."""
    connection.execute(_ROLE, {"id": user_id, "role": role})


def delete(connection: Connection, user_id: str) -> None:
    """Forget the person; the row, its actions and so the sums stay."""
    connection.execute(_DELETE, {"id": user_id})


def expire(connection: Connection, limit: int) -> list[str]:
    """End the bans and flags whose time is over; whose they were."""
    due = list(connection.execute(_DUE, {"limit": limit}).scalars())
    if due:
        connection.execute(_EXPIRE_BAN, {"ids": due})
        connection.execute(_EXPIRE_FLAG, {"ids": due})
    return due


def moderated_since(connection: Connection, since: int) -> list[str]:
    """Whose standing changed since that time, µs since 1970."""
    return list(connection.execute(_MODERATED_SINCE, {"since": since}).scalars())
