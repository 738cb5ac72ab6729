"""Accounts: register, log in, change the password, and what a user is told of themselves."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from app.contract.errors import (
    Allowance,
    AuthInvalid,
    InvalidCredentials,
    RateLimited,
    UserBanned,
)
from app.contract.identity import Identity
from app.services.passwords import Passwords
from app.services.sessions import Sessions, TokenPair
from app.stores import sessions as session_rows
from app.stores import users
from app.stores.database import Database
from app.stores.login_attempts import LoginAttempts
from app.stores.users import User

NO_ADDRESS = "nowhere"
"""Of calls that come over no network."""


@dataclass(frozen=True)
class Admitted:
    """A user who has just proved who they are, and the session that was opened for it."""

    user: User
    tokens: TokenPair


class Accounts:
    """What a person does with their own account."""

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        attempts: LoginAttempts,
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts

    def register(self, username: str, password: str, display_name: str) -> Admitted:
        """A new account with a first session (flow 1); raises UsernameTaken."""
        # Hashed before the transaction: a quarter of a second is long to hold a connection.
        password_hash = self._passwords.hash(password)
        with self._database.transaction() as connection:
            user = users.insert(
                connection, str(uuid.uuid4()), username, display_name, password_hash
            )
            return Admitted(user, self._sessions.open(connection, user))

    def log_in(self, username: str, password: str, address: str = NO_ADDRESS) -> Admitted:
        """A session (flow 2), for somebody at that address.

        Raises InvalidCredentials, UserBanned after the right password, and RateLimited after too
        many wrong ones.
        """
        with self._database.reading() as connection:
            user = users.find_by_username(connection, username)
        self._prove(username, password, user, address)
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

    def change_password(
        self, identity: Identity, old: str, new: str, address: str = NO_ADDRESS
    ) -> None:
        """Replace the password and end every other session.

        Raises InvalidCredentials, and RateLimited as log_in does: a stolen token is no way around
        its limit.
        """
        user = self.find(identity.user_id)
        self._prove(user.username, old, user, address)
        new_hash = self._passwords.hash(new)
        with self._database.transaction() as connection:
            present = users.lock(connection, user.id)
            if present is None or present.password_hash != user.password_hash:
                raise InvalidCredentials()
            users.set_password(connection, user.id, new_hash)
            ended = session_rows.revoke_others(connection, user.id, identity.session_id)
        self._sessions.announce_end(user.id, ended)

    def _prove(self, username: str, password: str, user: User | None, address: str) -> None:
        # Before the hash: whoever guesses is not to have our processors either.
        attempt = self._attempts.attempt(username, address)
        if isinstance(attempt, Allowance):
            raise RateLimited(attempt)
        if not self._passwords.matches(password, user.password_hash if user else None):
            raise InvalidCredentials()
        self._attempts.succeeded(attempt)

    def find(self, user_id: str) -> User:
        """The account; raises AuthInvalid where it is gone."""
        with self._database.reading() as connection:
            user = users.find(connection, user_id)
        if user is None:
            raise AuthInvalid()
        return user
