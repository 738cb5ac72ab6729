"""Rows of service keys in PostgreSQL. Nothing caches them, so a revocation holds at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from app.storage.database import Database

# ruff: noqa: S608 - the parts are constants of this module

_ID = "replace(id::text, '-', '')"
_VALID = "(revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))"
_COLUMNS = (
    f"{_ID}, name, boards, created_at, created_by, expires_at, revoked_at, revoked_by,"
    f" last_used_at, {_VALID}"
)
_INSERT = text(
    "INSERT INTO service_keys (id, name, secret_hash, boards, created_by, expires_at)"
    " VALUES (:id, :name, :secret_hash, :boards, :created_by, :expires_at)"
    f" RETURNING {_COLUMNS}"
)
_BY_ID = text(f"SELECT {_COLUMNS} FROM service_keys WHERE id = :id")
_LIST = text(f"SELECT {_COLUMNS} FROM service_keys ORDER BY created_at DESC, id")
_REVOKE = text(
    "UPDATE service_keys SET revoked_at = clock_timestamp(), revoked_by = :revoked_by"
    " WHERE id = :id AND revoked_at IS NULL"
)
# For psycopg2 without SQLAlchemy, because every request with a key sends it.
_CREDENTIALS = (
    f"SELECT name, boards, secret_hash, {_VALID},"
    " last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute'"
    " FROM service_keys WHERE id = %(id)s"
)
# SKIP LOCKED: another request may be noting the same use, or an operator may be revoking the key.
_NOTE_USE = (
    "UPDATE service_keys SET last_used_at = clock_timestamp() WHERE id ="
    " (SELECT id FROM service_keys WHERE id = %(id)s AND"
    " (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')"
    " FOR UPDATE SKIP LOCKED)"
)


@dataclass(frozen=True)
class ServiceKeyRecord:
    """The record of a service key. The key itself is not stored."""

    id: str
    """As in the key: 32 hexadecimal digits."""
    name: str
    boards: list[str]
    """Keys of the boards on which it may score, in alphabetical order."""
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    revoked_by: str | None
    last_used_at: datetime | None
    """Later uses within a minute after this time are not stored."""
    valid: bool
    """Neither revoked nor expired."""


class Credentials(NamedTuple):
    """What a request's key is checked against."""

    name: str
    boards: list[str]
    secret_hash: bytes
    valid: bool
    is_use_due: bool
    """Whether the last use that is stored is older than a minute."""


def insert(
    connection: Connection,
    key_id: str,
    name: str,
    secret_hash: bytes,
    boards: Sequence[str],
    created_by: str,
    expires_at: datetime | None,
) -> ServiceKeyRecord:
    """Insert a key."""
    values = {
        "id": key_id,
        "name": name,
        "secret_hash": secret_hash,
        "boards": list(boards),
        "created_by": created_by,
        "expires_at": expires_at,
    }
    return _record(connection.execute(_INSERT, values).one())


def find(connection: Connection, key_id: str) -> ServiceKeyRecord | None:
    """The key with that id, even if it is revoked or expired."""
    row = connection.execute(_BY_ID, {"id": key_id}).one_or_none()
    return _record(row) if row else None


def all_keys(connection: Connection) -> list[ServiceKeyRecord]:
    """All keys, also revoked and expired ones, newest first."""
    return [_record(row) for row in connection.execute(_LIST)]


def revoke(connection: Connection, key_id: str, revoked_by: str) -> bool:
    """Revoke the key; False if it was already revoked."""
    values = {"id": key_id, "revoked_by": revoked_by}
    return connection.execute(_REVOKE, values).rowcount == 1


def credentials(database: Database, key_id: str) -> Credentials | None:
    """What the key with that id is checked against: one read by the primary key."""
    rows = database.query(_CREDENTIALS, {"id": key_id})
    if not rows:
        return None
    name, boards, secret_hash, valid, is_use_due = rows[0]
    return Credentials(name, boards, bytes(secret_hash), valid, is_use_due)


def note_use(database: Database, key_id: str) -> None:
    """Store that the key is used now, unless a use in the last minute is stored. Never waits."""
    database.call(_NOTE_USE, {"id": key_id})


def _record(row: Any) -> ServiceKeyRecord:
    return ServiceKeyRecord(*row)
