"""A lease in Redis: the right to do one thing, for one holder at a time."""

from __future__ import annotations

import secrets

import redis

from app.storage.lua_script import read_script
from app.storage.redis import redis_errors


def new_token() -> str:
    """A random name of one holder."""
    return secrets.token_hex(8)


class RedisLease:
    """One key that holds the token of the lease's holder; raises RedisUnavailable.

    Guarantees:
      * At most one token holds the lease.
      * The lease expires `duration_ms` after it was last acquired or renewed, so a holder
        that died delays the next one by no more than that.
      * `renew` and `release` change nothing for a caller that has lost the lease, so a late caller
        never ends or extends the lease of the next holder.
      * A lease is lost if Redis loses the key. A holder that writes to Redis therefore writes by a
        script that compares `key` with its token in the same step.

    A script may also acquire the lease in its own step: SET key token NX PX duration_ms.
    """

    def __init__(self, client: redis.Redis, key: str, duration_ms: int) -> None:
        self._client = client
        self._holder = read_script(client, "storage", "lease_holder")
        self._renew = read_script(client, "storage", "renew_lease")
        self._release = read_script(client, "storage", "release_lease")
        self.key = key
        self.duration_ms = duration_ms

    def acquire(self, token: str) -> bool:
        """Whether the token holds the lease now; also True if it held the lease before."""
        with redis_errors():
            acquired = self._client.set(self.key, token, nx=True, px=self.duration_ms)
        # A Redis that was frozen may have run an earlier SET whose reply timed out here.
        return bool(acquired) or self.holder() == token

    def holder(self) -> str | None:
        """The token that holds the lease. Removes a value that another client of Redis wrote."""
        with redis_errors():
            token = self._holder(keys=[self.key], args=[self.duration_ms])
        return None if token is None else str(token)

    def overwrite(self, token: str) -> None:
        """Give the lease to the token for its full duration, whichever token holds it."""
        with redis_errors():
            self._client.set(self.key, token, px=self.duration_ms)

    def renew(self, token: str) -> bool:
        """Extend the lease to its full duration; False if it was lost."""
        with redis_errors():
            return bool(self._renew(keys=[self.key], args=[token, self.duration_ms]))

    def release(self, token: str) -> None:
        """End the lease, so that another caller can acquire it at once."""
        with redis_errors():
            self._release(keys=[self.key], args=[token])
