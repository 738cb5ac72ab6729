"""Rows of users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from app.contract.errors import UsernameTaken

# ruff: noqa: S608 - the parts are constants of this module

_UNIQUE_USERNAME = "users_username_key"


@dataclass(frozen=True)
class Account:
    """What decides whether a user may act; revision is the one that this is of.

    Times in ms since 1970, 0 where there is none. flagged_at is when the reduced limit began.
    """

    status: str
    revision: int
    flagged_at: int = 0
    flagged_until: int = 0

    @property
    def banned(self) -> bool:
        return self.status == "banned"

    def status_at(self, moment: int) -> str:
        """The status at that time, ms since 1970: a flag ends even before that is written down."""
        over = self.status == "flagged" and self.flagged_until <= moment
        return "active" if over else self.status


@dataclass(frozen=True)
class User:
    """A user with their score; a deleted one is nobody's to find."""

    id: str
    username: str
    display_name: str
    password_hash: str
    score: int
    role: str
    account: Account


_MILLISECONDS = "coalesce((extract(epoch FROM {}) * 1000)::bigint, 0)"
ACCOUNT = (
    "status, revision,"
    f" {_MILLISECONDS.format('flagged_at')}, {_MILLISECONDS.format('flagged_until')}"
)
_COLUMNS = f"id::text, username, display_name, password_hash, score, role, {ACCOUNT}"
_SELECT = f"SELECT {_COLUMNS} FROM users WHERE status <> 'deleted'"
_INSERT = text(
    "INSERT INTO users (id, username, display_name, password_hash)"
    f" VALUES (:id, :username, :display_name, :password_hash) RETURNING {_COLUMNS}"
)
_BY_ID = text(f"{_SELECT} AND id = :id")
_BY_NAME = text(f"{_SELECT} AND lower(username) = lower(:username)")
# NO KEY: foreign keys of sessions and actions may be checked meanwhile.
_LOCK = text(f"{_SELECT} AND id = :id FOR NO KEY UPDATE")
_ACCOUNT = text(f"SELECT {ACCOUNT} FROM users WHERE id = :id")
_LOGGED_IN = text("UPDATE users SET last_login_at = clock_timestamp() WHERE id = :id")
_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE id = :id")
# What the board shows has changed, so the index must take it.
_RENAME = text(
    "UPDATE users SET username = :username, display_name = :display_name,"
    " revision = revision + 1, changed_at = clock_timestamp() WHERE id = :id"
)


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
    with _unique_username():
        return _user(connection.execute(_INSERT, values).one())


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


def account_of(connection: Connection, user_id: str) -> Account:
    """What decides whether the user may act, of a deleted user too."""
    return Account(*connection.execute(_ACCOUNT, {"id": user_id}).one())


def rename(connection: Connection, user_id: str, username: str, display_name: str) -> None:
    """Give the user other names; raises UsernameTaken."""
    values = {"id": user_id, "username": username, "display_name": display_name}
    with _unique_username():
        connection.execute(_RENAME, values)


def note_login(connection: Connection, user_id: str) -> None:
    """Set last_login_at to now (flow 2)."""
    connection.execute(_LOGGED_IN, {"id": user_id})


def set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace the password's hash."""
    connection.execute(_PASSWORD, {"id": user_id, "password_hash": password_hash})


@contextmanager
def _unique_username() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if _UNIQUE_USERNAME in str(error.orig):
            raise UsernameTaken() from None
        raise


def _user(row: Row[str, str, str, str, int, str, str, int, int, int]) -> User:
    account = Account(row[6], row[7], row[8], row[9])
    return User(row[0], row[1], row[2], row[3], row[4], row[5], account)
