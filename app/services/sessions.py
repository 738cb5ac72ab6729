"""Sessions: opened by a login, kept by refresh rotation, ended by logout, reuse or a ban."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app.contract.errors import (
    AuthInvalid,
    RedisUnavailable,
    SessionRevoked,
    UserBanned,
)
from app.contract.identity import CachedState, Identity, JwtSigner
from app.contract.messages import EndReason
from app.stores import sessions as rows
from app.stores.database import Database
from app.stores.session_cache import SessionCache
from app.stores.users import User

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class TokenPair:
    """What a client gets to act with: two JWTs of one session."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token expires."""


class Sessions:
    """Opens, verifies, renews and ends sessions; PostgreSQL has them, Redis caches them."""

    def __init__(
        self,
        database: Database,
        cache: SessionCache,
        signer: JwtSigner,
        access_seconds: int,
        refresh_seconds: int,
    ) -> None:
        self._database = database
        self._cache = cache
        self._signer = signer
        self._access_seconds = access_seconds
        self._refresh_seconds = refresh_seconds

    def open(self, connection: Connection, user: User) -> TokenPair:
        """A new session of the user within the caller's transaction (flows 1 and 2).

        Raises RedisUnavailable before anything is committed, so a login without Redis leaves no
        half of itself behind; a cached session that is then not committed has no tokens.
        """
        session_id, refresh_id = str(uuid.uuid4()), str(uuid.uuid4())
        now = int(time.time())
        rows.insert(connection, session_id, user.id, refresh_id, now + self._refresh_seconds)
        self._cache.remember(user.id, session_id, user.account)
        return self._pair(user.id, session_id, refresh_id, now)

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the session stands and the user isn't banned; Redis first, else PostgreSQL.

        Raises SessionRevoked, UserBanned, AuthInvalid for an unknown session, DatabaseUnavailable,
        and RedisUnavailable only where the caller can't go on without Redis.
        """
        try:
            (cached,) = self.look_up([identity])
        except RedisUnavailable:
            if require_redis:
                raise
            self._state(identity)
            return
        self.judge(identity, cached)

    def look_up(self, identities: Sequence[Identity]) -> list[CachedState]:
        """What Redis has of each session, in one round trip; raises RedisUnavailable."""
        return self._cache.read(*((each.user_id, each.session_id) for each in identities))

    def judge(self, identity: Identity, cached: CachedState) -> None:
        """Check what look_up found, by PostgreSQL where it found nothing.

        Raises SessionRevoked, UserBanned, AuthInvalid for an unknown session, RedisUnavailable
        and DatabaseUnavailable.
        """
        # A ban ends the sessions too; it is the ban that is to be told.
        if cached.status == "banned":
            raise UserBanned()
        if cached.session == "revoked":
            raise SessionRevoked()
        if cached.session is None or cached.status is None:
            self.recall(identity)

    def recall(self, identity: Identity) -> None:
        """Cache what PostgreSQL has of the session; raises as verify does."""
        state = self._state(identity)
        self._cache.remember(identity.user_id, identity.session_id, state.account)

    def refresh(self, identity: Identity) -> TokenPair:
        """A new pair for a refresh token, which dies by it; used again it ends the session.

        Raises SessionRevoked, UserBanned, AuthInvalid, RedisUnavailable, DatabaseUnavailable.
        """
        self.verify(identity, require_redis=True)
        refresh_id, now = str(uuid.uuid4()), int(time.time())
        with self._database.transaction() as connection:
            rotated = rows.rotate(
                connection,
                identity.session_id,
                identity.token_id,
                refresh_id,
                now + self._refresh_seconds,
            )
        if not rotated:
            # It may have been a ban or a logout that Redis was not told of.
            self._state(identity)
            log.warning("refresh_token_reused", user=identity.user_id)
            self.end(identity)
            raise SessionRevoked()
        return self._pair(identity.user_id, identity.session_id, refresh_id, now)

    def end(self, identity: Identity) -> None:
        """End the session everywhere: tokens at once, sockets within a second."""
        with self._database.transaction() as connection:
            rows.revoke(connection, identity.session_id)
        self.announce_end(identity.user_id, [identity.session_id])

    def announce_end(
        self, user_id: str, session_ids: list[str], reason: EndReason = "revoked"
    ) -> bool:
        """Tell caches and broadcasters of sessions whose end is committed; False: not told."""
        try:
            self._cache.end(user_id, session_ids, reason)
        except RedisUnavailable:
            # It is committed; the repair pass says it again when Redis is back.
            log.warning("session_end_not_announced", user=user_id, sessions=session_ids)
            return False
        return True

    def _state(self, identity: Identity) -> rows.SessionState:
        with self._database.reading() as connection:
            state = rows.state(connection, identity.user_id, identity.session_id)
        if state is None or state.account.status == "deleted":
            raise AuthInvalid()
        if state.account.banned:
            raise UserBanned()
        if state.revoked:
            raise SessionRevoked()
        return state

    def _pair(self, user_id: str, session_id: str, refresh_id: str, now: int) -> TokenPair:
        access = Identity(user_id, session_id, str(uuid.uuid4()), now + self._access_seconds)
        refresh = Identity(user_id, session_id, refresh_id, now + self._refresh_seconds)
        return TokenPair(
            self._signer.sign(access, "access", now),
            self._signer.sign(refresh, "refresh", now),
            self._access_seconds,
        )
