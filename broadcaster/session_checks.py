"""Sessions verified for many handshakes at once: what waits together is asked together."""

from __future__ import annotations

import gevent
from gevent.event import AsyncResult

from app.contract.errors import RedisUnavailable
from app.contract.identity import CachedState, Identity
from app.services.sessions import Sessions

SESSIONS_A_READ = 200


class SessionChecks:
    """One round trip to Redis at a time, for all handshakes that wait for one.

    A thousand viewers who come back at once are a few round trips then, and neither wait for the
    few connections to Redis longer than is allowed, nor take them from the boards.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._waiting: list[tuple[Identity, AsyncResult[CachedState]]] = []
        self._asking = False

    def verify(self, identity: Identity) -> None:
        """Check that the session stands; raises as Sessions.verify does where Redis is required."""
        answer: AsyncResult[CachedState] = AsyncResult()
        self._waiting.append((identity, answer))
        if not self._asking:
            self._asking = True
            gevent.spawn(self._ask)
        cached = answer.get()
        assert cached is not None
        self._sessions.judge(identity, cached)

    def _ask(self) -> None:
        try:
            while self._waiting:
                some = self._waiting[:SESSIONS_A_READ]
                del self._waiting[:SESSIONS_A_READ]
                self._answer(some)
        finally:
            self._asking = False

    def _answer(self, some: list[tuple[Identity, AsyncResult[CachedState]]]) -> None:
        try:
            states = self._sessions.look_up([identity for identity, _ in some])
        except RedisUnavailable:
            for _, answer in some:
                answer.set_exception(RedisUnavailable())
        else:
            for (_, answer), state in zip(some, states, strict=True):
                answer.set(state)
