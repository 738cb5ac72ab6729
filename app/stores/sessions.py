"""Rows of sessions: the truth about who is logged in."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.stores.users import ACCOUNT, Account

# ruff: noqa: S608 - the parts are constants

_INSERT = text(
    "INSERT INTO sessions (id, user_id, refresh_token_id, expires_at)"
    " VALUES (:id, :user_id, :refresh_token_id, to_timestamp(:expires_at))"
)
_STATE = text(
    f"SELECT s.revoked_at IS NOT NULL, {ACCOUNT}"
    " FROM sessions s JOIN users u ON u.id = s.user_id"
    " WHERE s.id = :id AND s.user_id = :user_id"
)
# One statement, so that of two that rotate the same token only one finds it still current.
_ROTATE = text(
    "UPDATE sessions SET refresh_token_id = :new, expires_at = to_timestamp(:expires_at)"
    " WHERE id = :id AND refresh_token_id = :old AND revoked_at IS NULL"
)
_REVOKE = text(
    "UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL"
)
_REVOKE_ALL = text(
    "UPDATE sessions SET revoked_at = clock_timestamp()"
    " WHERE user_id = :user_id AND revoked_at IS NULL RETURNING id::text"
)
_REVOKE_OTHERS = text(
    "UPDATE sessions SET revoked_at = clock_timestamp()"
    " WHERE user_id = :user_id AND id <> :kept AND revoked_at IS NULL RETURNING id::text"
)
_REVOKED_SINCE = text(
    "SELECT s.user_id::text, s.id::text, u.status = 'banned'"
    " FROM sessions s JOIN users u ON u.id = s.user_id"
    " WHERE s.revoked_at >= to_timestamp(:since / 1e6) ORDER BY s.user_id"
)


@dataclass(frozen=True)
class SessionState:
    """What decides whether a session may act."""

    revoked: bool
    account: Account


def insert(
    connection: Connection, session_id: str, user_id: str, refresh_token_id: str, expires_at: int
) -> None:
    """A new session; expires_at in Unix seconds."""
    connection.execute(
        _INSERT,
        {
            "id": session_id,
            "user_id": user_id,
            "refresh_token_id": refresh_token_id,
            "expires_at": expires_at,
        },
    )


def state(connection: Connection, user_id: str, session_id: str) -> SessionState | None:
    """The session's state, None where there is no such session of that user."""
    row = connection.execute(_STATE, {"id": session_id, "user_id": user_id}).one_or_none()
    return SessionState(row[0], Account(*row[1:])) if row else None


def rotate(connection: Connection, session_id: str, old: str, new: str, expires_at: int) -> bool:
    """Put refresh token `new` in the place of `old`; False where `old` is not the current one."""
    values = {"id": session_id, "old": old, "new": new, "expires_at": expires_at}
    return connection.execute(_ROTATE, values).rowcount == 1


def revoke(connection: Connection, session_id: str) -> bool:
    """End the session; False where it had ended before."""
    return connection.execute(_REVOKE, {"id": session_id}).rowcount == 1


def revoke_others(connection: Connection, user_id: str, kept: str) -> list[str]:
    """End every session of the user but one; the ids of those that ended by it."""
    rows = connection.execute(_REVOKE_OTHERS, {"user_id": user_id, "kept": kept})
    return list(rows.scalars())


def revoke_all(connection: Connection, user_id: str) -> list[str]:
    """End every session of the user; the ids of those that ended by it."""
    return list(connection.execute(_REVOKE_ALL, {"user_id": user_id}).scalars())


def revoked_since(connection: Connection, since: int) -> list[tuple[str, str, bool]]:
    """(user id, session id, user is banned) of what ended since that time, µs since 1970."""
    rows = connection.execute(_REVOKED_SINCE, {"since": since})
    return [(row[0], row[1], row[2]) for row in rows]
