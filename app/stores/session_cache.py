"""Sessions and bans as Redis caches them, and the news that sessions have ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import redis

from app.contract import keys
from app.contract.identity import CachedState, SessionFlag
from app.contract.messages import EndReason, SessionsEnded
from app.stores.lua_script import read_script
from app.stores.redis import translated
from app.stores.users import Account


class SessionCache:
    """Reads and writes cached sessions and statuses; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis, life_seconds: int) -> None:
        self._client = client
        self._remember_account = read_script(client, "remember_account")
        self._life_ms = life_seconds * 1000

    def read(self, *sessions: tuple[str, str]) -> list[CachedState]:
        """The cached state of each (user id, session id), all in one round trip."""
        with translated(), self._client.pipeline(transaction=False) as pipeline:
            for user_id, session_id in sessions:
                pipeline.get(keys.session(user_id, session_id))
                pipeline.hget(keys.account(user_id), "status")
            values = pipeline.execute()
        return [
            CachedState(cast("SessionFlag | None", session), status)
            for session, status in zip(values[::2], values[1::2], strict=True)
        ]

    def remember(self, user_id: str, session_id: str, account: Account) -> None:
        """Cache an active session and its user's account as PostgreSQL has them."""
        self.remember_session(user_id, session_id)
        self.remember_account(user_id, account)

    def remember_session(self, user_id: str, session_id: str) -> None:
        """Cache that a session is active."""
        with translated():
            # Never over "revoked", which is final: a slow reader must not revive a session.
            name = keys.session(user_id, session_id)
            self._client.set(name, "active", px=self._life_ms, nx=True)

    def remember_account(self, user_id: str, account: Account) -> None:
        """Cache the account unless that of a newer revision is cached."""
        values: list[str | int] = [
            account.status,
            account.revision,
            account.flagged_at,
            account.flagged_until,
            self._life_ms,
        ]
        with translated():
            self._remember_account(keys=[keys.account(user_id)], args=values)

    def end(self, user_id: str, session_ids: Sequence[str], reason: EndReason) -> None:
        """Mark the sessions as revoked and tell every broadcaster."""
        if not session_ids:
            return
        message = SessionsEnded(user_id, tuple(session_ids), reason)
        with translated(), self._client.pipeline(transaction=False) as pipeline:
            for session_id in session_ids:
                pipeline.set(keys.session(user_id, session_id), "revoked", px=self._life_ms)
            pipeline.publish(keys.SESSIONS_ENDED, message.dump())
            pipeline.execute()
