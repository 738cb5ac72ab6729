"""The attempts of one user and kind that the fraud rules judge; admit.lua records them."""

from __future__ import annotations

from typing import NamedTuple

import redis

from app.contract import keys
from app.contract.keys import ActionKind
from app.storage.lua_script import read_script
from app.storage.redis import redis_errors


class AttemptWindow(NamedTuple):
    """Attempts of one kind, as one attempt found them; times in ms of Redis' clock."""

    attempts: int
    """Number of attempts within FRAUD_RAPID_SECONDS, this one included."""
    start: int
    """Time of the first of them."""
    now: int
    """Time of this attempt."""
    attempt_times: tuple[int, ...]
    """Times of the last attempts, newest first; empty unless a rule needs them."""


class AttemptWindows:
    """The windows as Redis has them; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._forget = read_script(client, "fraud", "forget_attempts")

    def forget(self, user_id: str, kind: ActionKind, until: int) -> None:
        """Remove the attempts up to that time (ms), because they can't count for an event."""
        names = [keys.attempts(user_id, kind), keys.attempt_times(user_id, kind)]
        with redis_errors():
            self._forget(keys=names, args=[until])
