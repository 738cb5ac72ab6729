"""Rows of sessions in PostgreSQL; Redis only caches them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, text

from app.accounts.user_rows import ACCOUNT, Account
from app.ledger.written_rows import Since, WrittenRows

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
# One statement, so that only one of two concurrent rotations of a token finds it current. The other
# one waits for the row, and then finds its token as the previous one.
_IS_CURRENT = "refresh_token_id = :used"
_ROTATE = text(
    f"UPDATE sessions SET refresh_token_id = CASE WHEN {_IS_CURRENT} THEN :successor"
    " ELSE refresh_token_id END,"
    f" expires_at = CASE WHEN {_IS_CURRENT} THEN to_timestamp(:expires_at) ELSE expires_at END,"
    f" refreshed_at = CASE WHEN {_IS_CURRENT} THEN clock_timestamp() ELSE refreshed_at END,"
    " previous_refresh_token_id = :used"
    f" WHERE id = :id AND revoked_at IS NULL AND ({_IS_CURRENT}"
    " OR (previous_refresh_token_id = :used"
    " AND refreshed_at > clock_timestamp() - make_interval(secs => :grace_seconds)))"
    " RETURNING refresh_token_id::text, extract(epoch FROM expires_at)::bigint"
)
# The condition is checked again on the locked row, so a session that a refresh has just extended
# stays.
_PURGE = text(
    "WITH chunk AS (SELECT id FROM sessions WHERE id > :after ORDER BY id LIMIT :limit),"
    " purged AS (DELETE FROM sessions USING chunk WHERE sessions.id = chunk.id"
    " AND expires_at < clock_timestamp() - make_interval(secs => :retention_seconds)"
    " RETURNING 1)"
    " SELECT (SELECT count(*) FROM purged),"
    " (SELECT id::text FROM chunk ORDER BY id OFFSET :limit - 1)"
)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
_REVOKE = text(
    "UPDATE sessions SET revoked_at = clock_timestamp() WHERE id = :id AND revoked_at IS NULL"
)
_REVOKE_ALL = text(
    "UPDATE sessions SET revoked_at = clock_timestamp()"
    " WHERE user_id = :user_id AND revoked_at IS NULL RETURNING id::text"
)
_REVOKED_SINCE = WrittenRows(
    "SELECT sessions.user_id::text, sessions.id::text, users.status = 'banned'"
    " FROM sessions JOIN users ON users.id = sessions.user_id",
    "sessions",
    "revoked_at",
)


@dataclass(frozen=True)
class RefreshToken:
    """The current refresh token of a session; expires_at in Unix seconds."""

    id: str
    expires_at: int


@dataclass(frozen=True)
class PurgedChunk:
    """How many sessions of a chunk were deleted, and its last id; None after the last chunk."""

    purged: int
    last_id: str | None


@dataclass(frozen=True)
class SessionState:
    """The state of a session and of its user's account."""

    revoked: bool
    account: Account


def insert(
    connection: Connection, session_id: str, user_id: str, refresh_token: RefreshToken
) -> None:
    """Insert a session that ends with its refresh token."""
    connection.execute(
        _INSERT,
        {
            "id": session_id,
            "user_id": user_id,
            "refresh_token_id": refresh_token.id,
            "expires_at": refresh_token.expires_at,
        },
    )


def state(connection: Connection, user_id: str, session_id: str) -> SessionState | None:
    """The session's state; None if the user has no such session."""
    row = connection.execute(_STATE, {"id": session_id, "user_id": user_id}).one_or_none()
    return SessionState(row[0], Account(*row[1:])) if row else None


def rotate(
    connection: Connection,
    session_id: str,
    used: str,
    successor: RefreshToken,
    grace_seconds: float,
) -> RefreshToken | None:
    """Replace refresh token `used` by the successor, and return the session's current token.

    If `used` was replaced less than `grace_seconds` ago, the session keeps the token that replaced
    it. None if `used` is an older token or the session has ended.
    """
    values = {
        "id": session_id,
        "used": used,
        "successor": successor.id,
        "expires_at": successor.expires_at,
        "grace_seconds": grace_seconds,
    }
    row = connection.execute(_ROTATE, values).one_or_none()
    return RefreshToken(*row) if row else None


def revoke(connection: Connection, session_id: str) -> bool:
    """End the session; False if it has already ended."""
    return connection.execute(_REVOKE, {"id": session_id}).rowcount == 1


def revoke_all(connection: Connection, user_id: str) -> list[str]:
    """End every session of the user; returns the ids of the sessions it ended."""
    return list(connection.execute(_REVOKE_ALL, {"user_id": user_id}).scalars())


def revoked_since(connection: Connection, since: Since) -> Iterator[list[tuple[str, str, bool]]]:
    """(user id, session id, user is banned) of sessions ended since that moment, in chunks."""
    for rows in _REVOKED_SINCE.read(connection, since):
        yield [(user_id, session_id, banned) for user_id, session_id, banned in rows]


def purge(
    connection: Connection, after: str | None, limit: int, retention_seconds: float
) -> PurgedChunk:
    """Delete those of the next `limit` sessions after that id that expired that long ago."""
    values = {
        "after": after or _FIRST_ID,
        "limit": limit,
        "retention_seconds": retention_seconds,
    }
    row = connection.execute(_PURGE, values).one()
    return PurgedChunk(row[0], row[1])
