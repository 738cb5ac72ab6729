"""Rows of display tokens: the truth about which displays may watch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

# ruff: noqa: S608 - the parts are constants of this module

_COLUMNS = (
    "id::text, name, created_at, created_by, expires_at, revoked_at, revoked_by,"
    " revoked_at IS NULL AND expires_at > clock_timestamp()"
)
_INSERT = text(
    "INSERT INTO display_tokens (id, name, created_by, expires_at)"
    " VALUES (:id, :name, :created_by, to_timestamp(:expires_at))"
    f" RETURNING {_COLUMNS}"
)
_OF_ID = text(f"SELECT {_COLUMNS} FROM display_tokens WHERE id = :id")
_OF_NAME = text(
    f"SELECT {_COLUMNS} FROM display_tokens WHERE name = :name"
    " AND revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY created_at"
)
_LIST = text(f"SELECT {_COLUMNS} FROM display_tokens ORDER BY created_at DESC, id")
_REVOKE = text(
    "UPDATE display_tokens SET revoked_at = clock_timestamp(), revoked_by = :revoked_by"
    " WHERE id = :id AND revoked_at IS NULL"
)
_REVOKED_SINCE = text(
    "SELECT id::text FROM display_tokens WHERE revoked_at >= to_timestamp(:since / 1e6)"
)


@dataclass(frozen=True)
class DisplayToken:
    """A token of a display, but for the token itself, which is kept nowhere."""

    id: str
    name: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    stands: bool
    """Neither revoked nor expired."""


def insert(
    connection: Connection, token_id: str, name: str, created_by: str, expires_at: int
) -> DisplayToken:
    """A new token; expires_at in Unix seconds."""
    values = {"id": token_id, "name": name, "created_by": created_by, "expires_at": expires_at}
    return _token(connection.execute(_INSERT, values).one())


def find(connection: Connection, token_id: str) -> DisplayToken | None:
    """The token of that id, whether it stands or not."""
    row = connection.execute(_OF_ID, {"id": token_id}).one_or_none()
    return _token(row) if row else None


def standing_of_name(connection: Connection, name: str) -> list[DisplayToken]:
    """The tokens of that name that stand, the oldest first."""
    return [_token(row) for row in connection.execute(_OF_NAME, {"name": name})]


def all_tokens(connection: Connection) -> list[DisplayToken]:
    """Every token there ever was, the newest first."""
    return [_token(row) for row in connection.execute(_LIST)]


def revoke(connection: Connection, token_id: str, revoked_by: str) -> bool:
    """End the token; False where it had been ended before."""
    values = {"id": token_id, "revoked_by": revoked_by}
    return connection.execute(_REVOKE, values).rowcount == 1


def revoked_since(connection: Connection, since: int) -> list[str]:
    """Ids of the tokens that were ended since that time, µs since 1970."""
    return list(connection.execute(_REVOKED_SINCE, {"since": since}).scalars())


def _token(row: Row[str, str, datetime, str, datetime, datetime, str, bool]) -> DisplayToken:
    return DisplayToken(*row)
