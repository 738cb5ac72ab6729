"""Displays: screens in a hall that an operator gave a token, which can watch and nothing else."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection

from app.contract.errors import (
    AuthInvalid,
    NotFound,
    RedisUnavailable,
    SessionRevoked,
    ValidationFailed,
)
from app.contract.identity import UUID, Identity, JwtSigner
from app.services.moderation import Act, Performed
from app.services.sessions import Sessions
from app.stores import audit
from app.stores import display_tokens as rows
from app.stores.database import Database
from app.stores.display_tokens import DisplayToken
from app.stores.session_cache import SessionCache


@dataclass(frozen=True)
class Issued:
    """A new token: the JWT, which is told this once, and what is kept of it."""

    jwt: str
    token: DisplayToken


class Displays:
    """Makes, verifies and ends display tokens; PostgreSQL has them, Redis caches them.

    To caches and broadcasters a display is a session of its own, without a user: the token's id
    stands in the place of both.
    """

    def __init__(
        self, database: Database, cache: SessionCache, sessions: Sessions, signer: JwtSigner
    ) -> None:
        self._database = database
        self._cache = cache
        self._sessions = sessions
        self._signer = signer

    def issue(self, act: Act, name: str, seconds: int) -> Issued:
        """A token that lives for so long."""
        token_id, now = str(uuid.uuid4()), int(time.time())
        with self._database.transaction() as connection:
            token = rows.insert(connection, token_id, name, act.actor, now + seconds)
            _write_down(connection, act, "issue-display-token", token)
        identity = Identity(token_id, token_id, token_id, now + seconds, "display")
        return Issued(self._signer.sign(identity, "display", now), token)

    def tokens(self) -> list[DisplayToken]:
        """All of them, the newest first."""
        with self._database.reading() as connection:
            return rows.all_tokens(connection)

    def find(self, token: str) -> DisplayToken:
        """The token of that id, or the one that stands of that name.

        Raises NotFound, and ValidationFailed where several have the name.
        """
        with self._database.reading() as connection:
            found = rows.find(connection, token) if UUID.fullmatch(token) else None
            named = [] if found else rows.standing_of_name(connection, token)
        if found:
            return found
        if not named:
            raise NotFound("There is no such token")
        if len(named) > 1:
            ids = ", ".join(each.id for each in named)
            raise ValidationFailed(f"Several tokens have this name; say the id of one: {ids}")
        return named[0]

    def revoke(self, act: Act, token: DisplayToken) -> Performed:
        """End the token: its sockets close within a second, and it can't come back."""
        with self._database.transaction() as connection:
            if not rows.revoke(connection, token.id, act.actor):
                return Performed(done=False, told=True)
            _write_down(connection, act, "revoke-display-token", token)
        return Performed(done=True, told=self._sessions.announce_end(token.id, [token.id]))

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the token stands; Redis first, else PostgreSQL.

        Raises SessionRevoked, AuthInvalid for an unknown token, DatabaseUnavailable, and
        RedisUnavailable only where the caller can't go on without Redis.
        """
        try:
            (state,) = self._cache.read((identity.user_id, identity.session_id))
        except RedisUnavailable:
            if require_redis:
                raise
            self._look_up(identity)
            return
        if state.session == "revoked":
            raise SessionRevoked()
        if state.session is None:
            self._look_up(identity)
            self._cache.remember_session(identity.user_id, identity.session_id)

    def _look_up(self, identity: Identity) -> None:
        with self._database.reading() as connection:
            token = rows.find(connection, identity.token_id)
        if token is None:
            raise AuthInvalid()
        if token.revoked_at is not None:
            raise SessionRevoked()


def _write_down(connection: Connection, act: Act, name: str, token: DisplayToken) -> None:
    details = {"id": token.id, "name": token.name, "expiresAt": token.expires_at.isoformat()}
    audit.insert(connection, act.actor, name, None, act.reason, details)
