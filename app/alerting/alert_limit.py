"""The limit of alerts: at most one of each kind per interval, across all processes."""

from __future__ import annotations

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis, RedisError

from app.contract import keys
from app.storage.redis import AppRedisStorage


class AlertLimit:
    """Allows one alert of each kind per `interval_seconds`: in Redis, and in this process.

    The limit in Redis holds across all processes. Without Redis each process may alert once.
    """

    def __init__(self, client: Redis, interval_seconds: int) -> None:
        self._limit = RateLimitItemPerSecond(1, interval_seconds)
        storage = AppRedisStorage(f"{AppRedisStorage.SCHEME}://", client)
        self._all_processes = FixedWindowRateLimiter(storage)
        self._this_process = FixedWindowRateLimiter(MemoryStorage())

    def allows(self, kind: str) -> bool:
        """Whether to send an alert of this kind now; it then counts as sent."""
        if not self._this_process.test(self._limit, keys.ALERTS, kind):
            return False
        try:
            allowed = self._all_processes.hit(self._limit, keys.ALERTS, kind)
        except RedisError:
            allowed = True
        if allowed:
            self._this_process.hit(self._limit, keys.ALERTS, kind)
        return allowed
