"""Rows of users."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from app.contract.errors import UsernameTaken

# ruff: noqa: S608 - the parts are constants of this module

_UNIQUE_USERNAME = "users_username_key"


@dataclass(frozen=True)
class User:
    """An account with its score; revision grows with every change that the board shows."""

    id: str
    username: str
    display_name: str
    password_hash: str
    status: str
    score: int
    revision: int

    @property
    def banned(self) -> bool:
        return self.status == "banned"


_COLUMNS = "id::text, username, display_name, password_hash, status, score, revision"
_INSERT = text(
    "INSERT INTO users (id, username, display_name, password_hash)"
    f" VALUES (:id, :username, :display_name, :password_hash) RETURNING {_COLUMNS}"
)
_BY_ID = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id")
_BY_NAME = text(f"SELECT {_COLUMNS} FROM users WHERE lower(username) = lower(:username)")
# NO KEY: foreign keys of sessions and actions may be checked meanwhile.
_LOCK = text(f"SELECT {_COLUMNS} FROM users WHERE id = :id FOR NO KEY UPDATE")
_LOGGED_IN = text("UPDATE users SET last_login_at = clock_timestamp() WHERE id = :id")
_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE id = :id")


def insert(
    connection: Connection, user_id: str, username: str, display_name: str, password_hash: str
) -> User:
    """A new account; raises UsernameTaken, which the database decides."""
    values = {
        "id": user_id,
        "username": username,
        "display_name": display_name,
        "password_hash": password_hash,
    }
    try:
        return _user(connection.execute(_INSERT, values).one())
    except IntegrityError as error:
        if _UNIQUE_USERNAME in str(error.orig):
            raise UsernameTaken() from None
        raise


def find(connection: Connection, user_id: str) -> User | None:
    """The account of that id."""
    row = connection.execute(_BY_ID, {"id": user_id}).one_or_none()
    return _user(row) if row else None


def find_by_username(connection: Connection, username: str) -> User | None:
    """The account of that name, in any letter case."""
    row = connection.execute(_BY_NAME, {"username": username}).one_or_none()
    return _user(row) if row else None


def lock(connection: Connection, user_id: str) -> User | None:
    """The account as it is now, locked until the transaction ends; first in the order of locks."""
    row = connection.execute(_LOCK, {"id": user_id}).one_or_none()
    return _user(row) if row else None


def note_login(connection: Connection, user_id: str) -> None:
    """Set last_login_at to now (flow 2)."""
    connection.execute(_LOGGED_IN, {"id": user_id})


def set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace the password's hash."""
    connection.execute(_PASSWORD, {"id": user_id, "password_hash": password_hash})


def _user(row: Row[str, str, str, str, str, int, int]) -> User:
    return User(*row)
