"""The Redis cache of sessions and accounts, and the message that sessions have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import cast

import redis

from app.accounts.user_rows import Account
from app.contract import keys
from app.contract.channels import EndReason, SessionsEnded
from app.contract.identity import CachedState, SessionFlag
from app.contract.limits import Ban
from app.storage.lua_script import Call, raised, read_script
from app.storage.redis import channel, redis_errors


class SessionCache:
    """Reads and writes cached sessions and accounts; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis, lifetime_seconds: int) -> None:
        self._client = client
        self._ended_channel = channel(client, keys.SESSIONS_ENDED)
        self._read = read_script(client, "accounts", "read_session")
        self._store_account = read_script(client, "accounts", "store_account")
        self._lifetime_ms = lifetime_seconds * 1000

    def read(self, *sessions: tuple[str, str]) -> list[CachedState]:
        """The cached state of each (user id, session id), all in one round trip."""
        calls: list[Call] = [
            ([keys.session(user_id, session_id), keys.account(user_id)], ())
            for user_id, session_id in sessions
        ]
        with redis_errors():
            replies = [raised(reply) for reply in self._read.call_batch(calls)]
        return [
            CachedState(cast("SessionFlag | None", session), status, cached_ban(*ban))
            for session, status, *ban in replies
        ]

    def read_flag(self, user_id: str) -> bool | None:
        """Whether the account is flagged by the clock of this process; None: not cached."""
        with redis_errors():
            status, until = self._client.hmget(keys.account(user_id), ["status", "flaggedUntil"])
        if status is None:
            return None
        return bool(status == "flagged" and int(until or 0) > time.time() * 1000)

    def store(self, user_id: str, session_id: str, account: Account) -> None:
        """Cache an active session and its user's account, as read from PostgreSQL."""
        self.store_session(user_id, session_id)
        self.store_account(user_id, account)

    def store_session(self, user_id: str, session_id: str) -> None:
        """Cache that a session is active, unless it is cached as revoked."""
        with redis_errors():
            # NX: a slow reader must not overwrite "revoked" and so revive an ended session.
            name = keys.session(user_id, session_id)
            self._client.set(name, "active", px=self._lifetime_ms, nx=True)

    def store_account(self, user_id: str, account: Account) -> None:
        """Cache the account, unless a newer revision is cached."""
        values: list[str | int] = [
            account.status,
            account.revision,
            account.flagged_at,
            account.flagged_until,
            account.moderated_at,
            account.banned_until,
            self._lifetime_ms,
            account.ban_reason,
        ]
        with redis_errors():
            self._store_account(keys=[keys.account(user_id)], args=values)

    def record_uncertain_refresh(self, user_id: str, session_id: str, seconds: int) -> None:
        """Store for that time that PostgreSQL may have replaced the refresh token in a fault."""
        with redis_errors():
            self._client.set(keys.uncertain_refresh(user_id, session_id), 1, ex=seconds)

    def refresh_is_uncertain(self, user_id: str, session_id: str) -> bool:
        """Whether record_uncertain_refresh was called for the session."""
        with redis_errors():
            return bool(self._client.exists(keys.uncertain_refresh(user_id, session_id)))

    def end(
        self,
        user_id: str,
        session_ids: Sequence[str],
        reason: EndReason,
        ban: Ban | None = None,
    ) -> None:
        """Cache the sessions as revoked and publish their end to every broadcaster."""
        if not session_ids:
            return
        message = SessionsEnded(user_id, tuple(session_ids), reason, ban)
        with redis_errors(), self._client.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.set(keys.session(user_id, session_id), "revoked", px=self._lifetime_ms)
            pipeline.publish(self._ended_channel, message.dump())
            pipeline.execute()


def cached_ban(at: str | None, until: str | None, reason: str | None) -> Ban | None:
    """The ban in a cached account; None or without a reason if a version before has cached it."""
    return None if at is None or until is None else Ban.stored(int(at), int(until), reason or "")
