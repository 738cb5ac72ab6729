"""Display tokens: an operator gives one to a public screen, which can watch and nothing else."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection

from app.accounts import display_token_rows as rows
from app.accounts.display_token_rows import DisplayToken
from app.accounts.session_cache import SessionCache
from app.accounts.sessions import Sessions
from app.audit import audit_rows
from app.audit.audited_change import ChangeResult, Initiator
from app.contract.details import display_token_details
from app.contract.errors import (
    AuthInvalid,
    NotFound,
    RedisUnavailable,
    SessionRevoked,
    ValidationFailed,
)
from app.contract.identity import UUID, Identity, JwtSigner
from app.storage.database import Database

MAX_DAYS = 3650
"""The longest life of a token."""
SECONDS_PER_DAY = 86400


@dataclass(frozen=True)
class IssuedDisplayToken:
    """A new token. The JWT is not stored, so it can be shown only now."""

    jwt: str
    token: DisplayToken


class DisplayTokenVerification:
    """Verifies display tokens; needs no secret, so a broadcaster has only this part.

    Caches and broadcasters treat a display as a session without a user: the token's id is both
    the user id and the session id.
    """

    def __init__(self, database: Database, cache: SessionCache) -> None:
        self._database = database
        self._cache = cache

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the token is not revoked, in Redis first, then in PostgreSQL.

        Raises SessionRevoked, AuthInvalid for an unknown token, DatabaseUnavailable, and
        RedisUnavailable only if the caller requires Redis.
        """
        try:
            (state,) = self._cache.read((identity.user_id, identity.session_id))
        except RedisUnavailable:
            if require_redis:
                raise
            self._check_in_database(identity)
            return
        if state.session == "revoked":
            raise SessionRevoked()
        if state.session is None:
            self._check_in_database(identity)
            self._cache.store_session(identity.user_id, identity.session_id)

    def _check_in_database(self, identity: Identity) -> None:
        with self._database.reading() as connection:
            token = rows.find(connection, identity.token_id)
        if token is None:
            raise AuthInvalid()
        if token.revoked_at is not None:
            raise SessionRevoked()


class DisplayTokens:
    """Issues, lists and revokes display tokens; PostgreSQL stores them, Redis caches them."""

    def __init__(self, database: Database, sessions: Sessions, signer: JwtSigner) -> None:
        self._database = database
        self._sessions = sessions
        self._signer = signer

    def issue(self, initiator: Initiator, name: str, seconds: int) -> IssuedDisplayToken:
        """Create a token that expires after that time."""
        token_id, now = str(uuid.uuid4()), int(time.time())
        with self._database.transaction() as connection:
            token = rows.insert(connection, token_id, name, initiator.actor, now + seconds)
            _audit(connection, initiator, "issue-display-token", token)
        identity = Identity(token_id, token_id, token_id, now + seconds, "display")
        return IssuedDisplayToken(self._signer.sign(identity, "display", now), token)

    def list_all(self) -> list[DisplayToken]:
        """All tokens, newest first."""
        with self._database.reading() as connection:
            return rows.all_tokens(connection)

    def find(self, token: str) -> DisplayToken:
        """The token with that id, or the valid one with that name.

        Raises NotFound, and ValidationFailed if several valid tokens have the name.
        """
        with self._database.reading() as connection:
            found = rows.find(connection, token) if UUID.fullmatch(token) else None
            named = [] if found else rows.find_valid_by_name(connection, token)
        if found:
            return found
        if not named:
            raise NotFound("There is no such token")
        if len(named) > 1:
            ids = ", ".join(each.id for each in named)
            raise ValidationFailed(f"Several tokens have this name. Use one of the ids: {ids}")
        return named[0]

    def revoke(self, initiator: Initiator, token: DisplayToken) -> ChangeResult:
        """End the token for good; its sockets close within a second."""
        with self._database.transaction() as connection:
            if not rows.revoke(connection, token.id, initiator.actor):
                return ChangeResult(done=False, published=True)
            _audit(connection, initiator, "revoke-display-token", token)
        return ChangeResult(done=True, published=self._sessions.publish_end(token.id, [token.id]))


def _audit(connection: Connection, initiator: Initiator, act: str, token: DisplayToken) -> None:
    details = display_token_details(token.id, token.name, token.expires_at)
    audit_rows.insert(connection, initiator, act, None, details)
