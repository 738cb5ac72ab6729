"""Sessions: a login opens them, refresh rotation extends them, logout, reuse or a ban ends them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app.accounts import session_rows as rows
from app.accounts.session_cache import SessionCache
from app.accounts.session_rows import RefreshToken
from app.accounts.user_rows import Account, User
from app.contract.channels import EndReason
from app.contract.errors import (
    AuthInvalid,
    DatabaseUnavailable,
    RedisUnavailable,
    SessionRevoked,
    UserBanned,
)
from app.contract.identity import CachedState, Identity, JwtSigner
from app.contract.limits import Ban
from app.storage.database import Database

GRACE_SECONDS = 30
"""A repeated use of a refresh token is valid for this time. Clients give up and retry sooner."""
UNCERTAIN_GRACE_SECONDS = 600
"""The same if PostgreSQL failed during the first use: as long as a fault may last."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class TokenPair:
    """The access token and the refresh token of one session, both JWTs."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token expires."""


class SessionVerification:
    """Verifies sessions; needs no secret, so a broadcaster has only this part of `Sessions`."""

    def __init__(self, database: Database, cache: SessionCache) -> None:
        self._database = database
        self._cache = cache

    def verify(self, identity: Identity, *, require_redis: bool = False) -> None:
        """Check that the session is active and the user not banned, in Redis or PostgreSQL.

        Raises SessionRevoked, UserBanned, AuthInvalid for an unknown session, DatabaseUnavailable,
        and RedisUnavailable only if the caller requires Redis.
        """
        try:
            (cached,) = self.read_cached([identity])
        except RedisUnavailable:
            if require_redis:
                raise
            self._check_in_database(identity)
            return
        self.check_cached(identity, cached)

    def read_cached(self, identities: Sequence[Identity]) -> list[CachedState]:
        """The cached state of each session, in one round trip; raises RedisUnavailable."""
        return self._cache.read(*((each.user_id, each.session_id) for each in identities))

    def check_cached(self, identity: Identity, cached: CachedState) -> None:
        """Check the state that read_cached returned, or PostgreSQL's if nothing was cached.

        Raises SessionRevoked, UserBanned, AuthInvalid for an unknown session, RedisUnavailable
        and DatabaseUnavailable.
        """
        # First, because a ban also ends the sessions, and the client must learn of the ban.
        if cached.status == "banned":
            raise UserBanned(cached.ban)
        if cached.session == "revoked":
            raise SessionRevoked()
        if cached.session is None or cached.status is None:
            self.load_into_cache(identity)

    def ban_of(self, identity: Identity) -> Ban | None:
        """The ban of a user that a store has just refused as banned; None if it has ended."""
        try:
            self._check_in_database(identity)
        except UserBanned as refusal:
            return refusal.ban
        except (AuthInvalid, SessionRevoked, DatabaseUnavailable):
            pass
        return None

    def is_flagged(self, identity: Identity) -> bool:
        """Whether the user is flagged, by Redis or PostgreSQL; False if neither answers."""
        try:
            flagged = self._cache.read_flag(identity.user_id)
        except RedisUnavailable:
            flagged = None
        if flagged is not None:
            return flagged
        try:
            account = self._check_in_database(identity)
        except (AuthInvalid, SessionRevoked, UserBanned, DatabaseUnavailable):
            return False
        return account.status_at(time.time_ns() // 1_000_000) == "flagged"

    def load_into_cache(self, identity: Identity) -> None:
        """Read the session from PostgreSQL and cache it; raises as verify does."""
        account = self._check_in_database(identity)
        self._cache.store(identity.user_id, identity.session_id, account)

    def _check_in_database(self, identity: Identity) -> Account:
        """The account of an active session; raises as verify does."""
        with self._database.reading() as connection:
            state = rows.state(connection, identity.user_id, identity.session_id)
        if state is None or state.account.status == "deleted":
            raise AuthInvalid()
        if state.account.banned:
            raise UserBanned(state.account.ban)
        if state.revoked:
            raise SessionRevoked()
        return state.account


class Sessions(SessionVerification):
    """Opens, verifies, extends and ends sessions; PostgreSQL stores them, Redis caches them."""

    def __init__(
        self,
        database: Database,
        cache: SessionCache,
        signer: JwtSigner,
        access_seconds: int,
        refresh_seconds: int,
    ) -> None:
        super().__init__(database, cache)
        self._signer = signer
        self._access_seconds = access_seconds
        self._refresh_seconds = refresh_seconds

    def open(self, connection: Connection, user: User) -> TokenPair:
        """Open a session of the user in the caller's transaction (flows 1 and 2).

        Raises RedisUnavailable before the commit, so a login that fails on Redis stores nothing. If
        the commit fails instead, the session stays cached, but no client has a token of it.
        """
        session_id, refresh_token = str(uuid.uuid4()), self._new_refresh_token()
        rows.insert(connection, session_id, user.id, refresh_token)
        self._cache.store(user.id, session_id, user.account)
        return self._pair(user.id, session_id, refresh_token)

    def refresh(self, identity: Identity) -> TokenPair:
        """Exchange a refresh token for a new pair.

        A second use within the grace gets the same refresh token again, because the first answer
        may have been lost. A later use ends the session (docs/decisions/0025-refresh-grace.md).
        Raises SessionRevoked, UserBanned, AuthInvalid, RedisUnavailable, DatabaseUnavailable.
        """
        self.verify(identity, require_redis=True)
        current = self._rotate(identity)
        if current is None:
            # The reason may be a ban or a logout that Redis missed. Then this raises it.
            self._check_in_database(identity)
            log.warning("refresh_token_reused", user=identity.user_id)
            self.end(identity)
            raise SessionRevoked()
        return self._pair(identity.user_id, identity.session_id, current)

    def _rotate(self, identity: Identity) -> RefreshToken | None:
        """The session's current token after a use of this one; None if its grace is over."""
        session = (identity.user_id, identity.session_id)
        uncertain = self._cache.refresh_is_uncertain(*session)
        try:
            with self._database.transaction() as connection:
                return rows.rotate(
                    connection,
                    identity.session_id,
                    identity.token_id,
                    self._new_refresh_token(),
                    UNCERTAIN_GRACE_SECONDS if uncertain else GRACE_SECONDS,
                )
        except DatabaseUnavailable:
            # PostgreSQL may commit the rotation when it answers again, long after this grace.
            with suppress(RedisUnavailable):
                self._cache.record_uncertain_refresh(*session, UNCERTAIN_GRACE_SECONDS)
            raise

    def end(self, identity: Identity) -> None:
        """End the session: its tokens are refused at once, its sockets close within a second."""
        with self._database.transaction() as connection:
            rows.revoke(connection, identity.session_id)
        self.publish_end(identity.user_id, [identity.session_id])

    def publish_end(
        self,
        user_id: str,
        session_ids: list[str],
        reason: EndReason = "revoked",
        ban: Ban | None = None,
    ) -> bool:
        """Publish a committed end to caches and broadcasters; False if Redis is unavailable."""
        try:
            self._cache.end(user_id, session_ids, reason, ban)
        except RedisUnavailable:
            # The reconciler publishes it again when Redis is back.
            log.warning("session_end_not_published", user=user_id, sessions=session_ids)
            return False
        return True

    def _new_refresh_token(self) -> RefreshToken:
        return RefreshToken(str(uuid.uuid4()), int(time.time()) + self._refresh_seconds)

    def _pair(self, user_id: str, session_id: str, refresh_token: RefreshToken) -> TokenPair:
        now = int(time.time())
        # When the session got it, so that a repeated request gets the same token.
        issued_at = min(now, refresh_token.expires_at - self._refresh_seconds)
        access = Identity(user_id, session_id, str(uuid.uuid4()), now + self._access_seconds)
        refresh = Identity(user_id, session_id, refresh_token.id, refresh_token.expires_at)
        return TokenPair(
            self._signer.sign(access, "access", now),
            self._signer.sign(refresh, "refresh", issued_at),
            self._access_seconds,
        )
