"""SQL of accounts: insert, find, lock, rename and set passwords."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from app.accounts.rules import username_key
from app.contract.errors import UsernameTaken
from app.contract.limits import Ban

# ruff: noqa: S608 - the parts are constants of this module

_UNIQUE_USERNAME = "users_username_key"
"""How the names of both indexes begin, the present one and that of the version before."""


@dataclass(frozen=True)
class Account:
    """The part of a user that decides whether they may act, at one revision of their row.

    Times in ms since 1970, 0 if there is none. The reduced limit begins at flagged_at.
    """

    status: str
    revision: int
    flagged_at: int = 0
    flagged_until: int = 0
    moderated_at: int = 0
    banned_until: int = 0
    ban_reason: str = ""
    """The reason that the player is shown; empty if there is none."""

    @property
    def banned(self) -> bool:
        return self.status == "banned"

    @property
    def ban(self) -> Ban | None:
        """The ban that is in force, if there is one."""
        if not self.banned:
            return None
        return Ban.stored(self.moderated_at, self.banned_until, self.ban_reason)

    def status_at(self, moment: int) -> str:
        """The status at that time in ms since 1970; an expired flag may still be stored."""
        expired = self.status == "flagged" and self.flagged_until <= moment
        return "active" if expired else self.status


@dataclass(frozen=True)
class User:
    """A user with their score. The functions below never return a deleted user."""

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
    f" {_MILLISECONDS.format('flagged_at')}, {_MILLISECONDS.format('flagged_until')},"
    f" {_MILLISECONDS.format('moderated_at')}, {_MILLISECONDS.format('banned_until')},"
    " coalesce(ban_reason, '')"
)
_COLUMNS = f"id::text, username, display_name, password_hash, score, role, {ACCOUNT}"
_SELECT = f"SELECT {_COLUMNS} FROM users WHERE status <> 'deleted'"
_INSERT = text(
    "INSERT INTO users (id, username, display_name, password_hash)"
    f" VALUES (:id, :username, :display_name, :password_hash) RETURNING {_COLUMNS}"
)
_BY_ID = text(f"{_SELECT} AND id = :id")
_BY_NAME = text(f'{_SELECT} AND lower(username COLLATE "C") = :username_key')
_IDS_BY_NAME = text(
    'SELECT lower(username COLLATE "C"), id::text FROM users'
    " WHERE lower(username COLLATE \"C\") = ANY(:username_keys) AND status <> 'deleted'"
)
# NO KEY: inserts into sessions and actions can check their foreign keys in the meantime.
_LOCK = text(f"{_SELECT} AND id = :id FOR NO KEY UPDATE")
_LOCK_NOW = text(f"{_SELECT} AND id = :id FOR NO KEY UPDATE NOWAIT")
_ACCOUNT = text(f"SELECT {ACCOUNT} FROM users WHERE id = :id")
_SET_LAST_LOGIN = text("UPDATE users SET last_login_at = clock_timestamp() WHERE id = :id")
_SET_PASSWORD = text("UPDATE users SET password_hash = :password_hash WHERE id = :id")
# The board shows the names, so a rename is a new revision that the rank index has to apply.
_RENAME = text(
    "UPDATE users SET username = :username, display_name = :display_name,"
    " revision = revision + 1, changed_at = clock_timestamp() WHERE id = :id"
)


def insert(
    connection: Connection, user_id: str, username: str, display_name: str, password_hash: str
) -> User:
    """Insert a user; raises UsernameTaken."""
    values = {
        "id": user_id,
        "username": username,
        "display_name": display_name,
        "password_hash": password_hash,
    }
    with _unique_username():
        return _user(connection.execute(_INSERT, values).one())


def find(connection: Connection, user_id: str) -> User | None:
    """The user with that id."""
    row = connection.execute(_BY_ID, {"id": user_id}).one_or_none()
    return _user(row) if row else None


def find_by_username(connection: Connection, username: str) -> User | None:
    """The user with that name, in any letter case and with spaces around it."""
    key = username_key(username)
    if key is None:
        return None
    row = connection.execute(_BY_NAME, {"username_key": key}).one_or_none()
    return _user(row) if row else None


def ids_by_username(connection: Connection, username_keys: Sequence[str]) -> dict[str, str]:
    """The ids of the users that exist, by the form in which usernames are compared."""
    rows = connection.execute(_IDS_BY_NAME, {"username_keys": list(username_keys)})
    return {row[0]: row[1] for row in rows}


def lock(connection: Connection, user_id: str, *, wait: bool = True) -> User | None:
    """The user, locked until the transaction ends. This lock comes before all others.

    Without `wait` it fails at once with LOCK_TIMEOUT if another transaction holds the lock.
    """
    row = connection.execute(_LOCK if wait else _LOCK_NOW, {"id": user_id}).one_or_none()
    return _user(row) if row else None


def account_of(connection: Connection, user_id: str) -> Account:
    """The account of the user with that id, also of a deleted one."""
    return Account(*connection.execute(_ACCOUNT, {"id": user_id}).one())


def rename(connection: Connection, user_id: str, username: str, display_name: str) -> None:
    """Set both names of the user; raises UsernameTaken."""
    values = {"id": user_id, "username": username, "display_name": display_name}
    with _unique_username():
        connection.execute(_RENAME, values)


def set_last_login(connection: Connection, user_id: str) -> None:
    """Set last_login_at to now (flow 2)."""
    connection.execute(_SET_LAST_LOGIN, {"id": user_id})


def set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    """Replace the password's hash."""
    connection.execute(_SET_PASSWORD, {"id": user_id, "password_hash": password_hash})


@contextmanager
def _unique_username() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if _UNIQUE_USERNAME in str(error.orig):
            raise UsernameTaken() from None
        raise


def _user(row: Row[str, str, str, str, int, str, str, int, int, int]) -> User:
    account = Account(*row[6:])
    return User(row[0], row[1], row[2], row[3], row[4], row[5], account)
