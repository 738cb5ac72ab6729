"""Rows of display tokens in PostgreSQL; Redis only caches them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

from app.ledger.written_rows import Since, WrittenRows

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
_BY_ID = text(f"SELECT {_COLUMNS} FROM display_tokens WHERE id = :id")
_VALID_BY_NAME = text(
    f"SELECT {_COLUMNS} FROM display_tokens WHERE name = :name"
    " AND revoked_at IS NULL AND expires_at > clock_timestamp() ORDER BY created_at"
)
_LIST = text(f"SELECT {_COLUMNS} FROM display_tokens ORDER BY created_at DESC, id")
_REVOKE = text(
    "UPDATE display_tokens SET revoked_at = clock_timestamp(), revoked_by = :revoked_by"
    " WHERE id = :id AND revoked_at IS NULL"
)
_REVOKED_SINCE = WrittenRows("SELECT id::text FROM display_tokens", "display_tokens", "revoked_at")


@dataclass(frozen=True)
class DisplayToken:
    """The record of a display token. The token itself is not stored."""

    id: str
    name: str
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    valid: bool
    """Neither revoked nor expired."""


def insert(
    connection: Connection, token_id: str, name: str, created_by: str, expires_at: int
) -> DisplayToken:
    """Insert a token; expires_at in Unix seconds."""
    values = {"id": token_id, "name": name, "created_by": created_by, "expires_at": expires_at}
    return _token(connection.execute(_INSERT, values).one())


def find(connection: Connection, token_id: str) -> DisplayToken | None:
    """The token with that id, even if it is revoked or expired."""
    row = connection.execute(_BY_ID, {"id": token_id}).one_or_none()
    return _token(row) if row else None


def find_valid_by_name(connection: Connection, name: str) -> list[DisplayToken]:
    """The valid tokens with that name, oldest first."""
    return [_token(row) for row in connection.execute(_VALID_BY_NAME, {"name": name})]


def all_tokens(connection: Connection) -> list[DisplayToken]:
    """All tokens, also revoked and expired ones, newest first."""
    return [_token(row) for row in connection.execute(_LIST)]


def revoke(connection: Connection, token_id: str, revoked_by: str) -> bool:
    """Revoke the token; False if it was already revoked."""
    values = {"id": token_id, "revoked_by": revoked_by}
    return connection.execute(_REVOKE, values).rowcount == 1


def revoked_since(connection: Connection, since: Since) -> Iterator[list[str]]:
    """Ids of the tokens revoked since that moment, in chunks."""
    for rows in _REVOKED_SINCE.read(connection, since):
        yield [token_id for (token_id,) in rows]


def _token(row: Row[str, str, datetime, str, datetime, datetime, str, bool]) -> DisplayToken:
    return DisplayToken(*row)
