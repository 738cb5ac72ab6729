"""Accounts: register, log in, change the password, and what a user is told of themselves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app.contract.errors import AuthInvalid, InvalidCredentials, UserBanned
from app.contract.identity import Identity
from app.services.passwords import Passwords
from app.services.sessions import Sessions, TokenPair
from app.stores import sessions as session_rows
from app.stores import users
from app.stores.database import Database
from app.stores.users import User


@dataclass(frozen=True)
class Admitted:
    """A user who has just proved who they are, and the session that was opened for it."""

    user: User
    tokens: TokenPair


class Accounts:
    """What a person does with their own account."""

    def __init__(self, database: Database, passwords: Passwords, sessions: Sessions) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions

    def register(self, username: str, password: str, display_name: str) -> Admitted:
        """A new account with a first session (flow 1); raises UsernameTaken."""
        # Hashed before the transaction: a quarter of a second is long to hold a connection.
        password_hash = self._passwords.hash(password)
        with self._database.transaction() as connection:
            user = users.insert(
                connection, str(uuid.uuid4()), username, display_name, password_hash
            )
            return Admitted(user, self._sessions.open(connection, user))

    def log_in(self, username: str, password: str) -> Admitted:
        """A session (flow 2); raises InvalidCredentials, or UserBanned after the right password."""
        with self._database.reading() as connection:
            user = users.find_by_username(connection, username)
        if not self._passwords.matches(password, user.password_hash if user else None):
            raise InvalidCredentials()
        assert user is not None
        with self._database.transaction() as connection:
            # Locked, so that a ban comes before this session, which is then refused, or after it.
            present = users.lock(connection, user.id)
            if present is None or present.password_hash != user.password_hash:
                raise InvalidCredentials()
            if present.account.banned:
                raise UserBanned()
            tokens = self._sessions.open(connection, present)
            users.note_login(connection, present.id)
        return Admitted(present, tokens)

    def change_password(self, identity: Identity, old: str, new: str) -> None:
        """Replace the password and end every other session; raises InvalidCredentials."""
        user = self.find(identity.user_id)
        if not self._passwords.matches(old, user.password_hash):
            raise InvalidCredentials()
        new_hash = self._passwords.hash(new)
        with self._database.transaction() as connection:
            present = users.lock(connection, user.id)
            if present is None or present.password_hash != user.password_hash:
                raise InvalidCredentials()
            users.set_password(connection, user.id, new_hash)
            ended = session_rows.revoke_others(connection, user.id, identity.session_id)
        self._sessions.announce_end(user.id, ended)

    def find(self, user_id: str) -> User:
        """The account; raises AuthInvalid where it is gone."""
        with self._database.reading() as connection:
            user = users.find(connection, user_id)
        if user is None:
            raise AuthInvalid()
        return user
