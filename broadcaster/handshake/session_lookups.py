"""Batches the session look-ups of handshakes that are in progress at the same time."""

from __future__ import annotations

import gevent
from gevent.event import AsyncResult

from app.accounts.sessions import SessionVerification
from app.contract.identity import CachedState, Identity

MAX_SESSIONS_PER_READ = 200


class BatchedSessionLookups:
    """Looks up the sessions of all waiting handshakes in one round trip to Redis at a time.

    So a thousand viewers that reconnect at once need a few round trips and one connection.
    Otherwise they would wait too long for the few connections to Redis, and boards would too.
    """

    def __init__(self, sessions: SessionVerification) -> None:
        self._sessions = sessions
        self._waiting: list[tuple[Identity, AsyncResult[CachedState]]] = []
        self._reading = False

    def verify(self, identity: Identity) -> None:
        """Verify the session; raises as SessionVerification.verify does with require_redis."""
        result: AsyncResult[CachedState] = AsyncResult()
        self._waiting.append((identity, result))
        if not self._reading:
            self._reading = True
            gevent.spawn(self._read_all)
        cached = result.get()
        assert cached is not None
        self._sessions.check_cached(identity, cached)

    def _read_all(self) -> None:
        try:
            while self._waiting:
                batch = self._waiting[:MAX_SESSIONS_PER_READ]
                del self._waiting[:MAX_SESSIONS_PER_READ]
                self._read(batch)
        finally:
            self._reading = False

    def _read(self, batch: list[tuple[Identity, AsyncResult[CachedState]]]) -> None:
        try:
            states = self._sessions.read_cached([identity for identity, _ in batch])
        except Exception as error:  # noqa: BLE001 - passed on to each handshake, which would hang
            for _, result in batch:
                result.set_exception(error)
        else:
            for (_, result), state in zip(batch, states, strict=True):
                result.set(state)
