"""Accounts: register, log in, change the password and read the own account."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from app.accounts import session_rows, user_rows
from app.accounts.display_names import reserved_key
from app.accounts.login_attempts import LoginAttempts
from app.accounts.passwords import Hasher, Match, Passwords
from app.accounts.rules import fits_bcrypt, password_form
from app.accounts.sessions import Sessions, TokenPair
from app.accounts.user_rows import User
from app.contract.details import names_details
from app.contract.errors import (
    AuthInvalid,
    InvalidCredentials,
    RateLimited,
    RedisUnavailable,
    UserBanned,
    ValidationFailed,
)
from app.contract.identity import Identity
from app.contract.limits import RateLimitStatus
from app.storage.database import Database

log = structlog.stdlib.get_logger(__name__)

_RESERVED = "This name is reserved."
NO_ADDRESS = "nowhere"
"""The address of callers that are not network clients."""


@dataclass(frozen=True)
class Login:
    """A user with the session that a registration or a login opened."""

    user: User
    tokens: TokenPair


class Accounts:
    """What users do with their own account.

    Building it takes as long as hashing one password, see `_check_password`.
    """

    def __init__(
        self,
        database: Database,
        passwords: Passwords,
        sessions: Sessions,
        attempts: LoginAttempts,
        reserved_names: Collection[str],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts
        self._reserved_keys = frozenset(map(reserved_key, reserved_names))
        with passwords.hasher() as hasher:
            self._dummy_hash = hasher.hash(secrets.token_hex(16))

    def register(
        self, username: str, password: str, display_name: str, address: str = NO_ADDRESS
    ) -> Login:
        """Create an account with its first session (flow 1).

        Raises UsernameTaken, ServerBusy, and ValidationFailed for a reserved name. The client's
        address is known to the account from now on, as after a login.
        """
        self._refuse_reserved(names_details(username, display_name))
        # Hashed before the transaction, because a hash would hold a connection for 0.25 s.
        with self._passwords.hasher() as hasher:
            password_hash = hasher.hash(password)
        with self._database.transaction() as connection:
            user = user_rows.insert(
                connection, str(uuid.uuid4()), username, display_name, password_hash
            )
            login = Login(user, self._sessions.open(connection, user))
        try:
            self._attempts.register(username, address)
        except RedisUnavailable:
            # The account exists. The address becomes known at the next login.
            log.warning("address_not_stored", user=user.id)
        return login

    def log_in(self, username: str, password: str, address: str = NO_ADDRESS) -> Login:
        """Open a session for a client at that address (flow 2).

        Raises InvalidCredentials, UserBanned (only with the right password), RateLimited after
        too many wrong passwords, and ServerBusy.
        """
        with self._database.reading() as connection:
            user = user_rows.find_by_username(connection, username)
        with self._passwords.hasher() as hasher:
            match = self._check_password(hasher, username, password, user, address)
            new_hash = _renewed_hash(hasher, password, match)
        assert user is not None
        with self._database.transaction() as connection:
            # The lock orders this login and a ban: either the ban is seen here, or the ban sees
            # the new session and ends it.
            current = user_rows.lock(connection, user.id)
            if current is None or current.password_hash != user.password_hash:
                raise InvalidCredentials()
            if current.account.banned:
                raise UserBanned(current.account.ban)
            tokens = self._sessions.open(connection, current)
            user_rows.set_last_login(connection, current.id)
            if new_hash is not None:
                user_rows.set_password(connection, current.id, new_hash)
        return Login(current, tokens)

    def change_password(
        self, identity: Identity, old: str, new: str, address: str = NO_ADDRESS
    ) -> TokenPair:
        """Replace the password, end every session of the user and open a new one.

        A thief who has a token of the present session loses it too.
        Raises InvalidCredentials, and RateLimited as log_in does, so that a stolen token does not
        allow more guesses. Raises ServerBusy.
        """
        user = self.find(identity.user_id)
        with self._passwords.hasher() as hasher:
            self._check_password(hasher, user.username, old, user, address)
            new_hash = hasher.hash(new)
        with self._database.transaction() as connection:
            current = user_rows.lock(connection, user.id)
            if current is None or current.password_hash != user.password_hash:
                raise InvalidCredentials()
            user_rows.set_password(connection, user.id, new_hash)
            ended = session_rows.revoke_all(connection, user.id)
            tokens = self._sessions.open(connection, current)
        self._sessions.publish_end(user.id, ended)
        return tokens

    def _refuse_reserved(self, names: Mapping[str, str]) -> None:
        """Raises ValidationFailed with the fields whose names players could take for the system."""
        reserved = {
            field: [_RESERVED]
            for field, name in names.items()
            if reserved_key(name) in self._reserved_keys
        }
        if reserved:
            raise ValidationFailed(_RESERVED, reserved)

    def find(self, user_id: str) -> User:
        """The account; raises AuthInvalid if it was deleted."""
        with self._database.reading() as connection:
            user = user_rows.find(connection, user_id)
        if user is None:
            raise AuthInvalid()
        return user

    def _check_password(
        self, hasher: Hasher, username: str, password: str, user: User | None, address: str
    ) -> Match:
        # The attempt is counted before the hash, so that guessing does not use up the CPU.
        attempt = self._attempts.start(username, address)
        if isinstance(attempt, RateLimitStatus):
            raise RateLimited(attempt)
        # An unknown user costs one check as well. Otherwise the time would tell which users exist.
        password_hash = user.password_hash if user else self._dummy_hash
        match = hasher.compare(password, password_hash)
        if match is Match.NONE or user is None:
            raise InvalidCredentials()
        self._attempts.succeed(attempt)
        return match


def _renewed_hash(hasher: Hasher, password: str, match: Match) -> str | None:
    """The hash of the password's form, if the stored one is not of it and bcrypt can make it."""
    if match is Match.TYPED and fits_bcrypt(password_form(password)):
        return hasher.hash(password)
    return None
