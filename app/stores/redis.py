"""Redis connections: bounded waits, no retries of the library's own, and a circuit breaker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from app.contract.errors import RedisUnavailable

SOCKET_SECONDS = 1.0
BREAK_SECONDS = 0.5
"""How long nobody asks a Redis that just failed, so that one request doesn't wait twice."""
_LUA = Path(__file__).parent / "lua"

Failure = (redis.ConnectionError, redis.TimeoutError)


class Breaker:
    """Remembers that Redis failed a moment ago."""

    def __init__(self) -> None:
        self._closed_from = 0.0

    @property
    def open(self) -> bool:
        return time.monotonic() < self._closed_from

    def trip(self) -> None:
        """Let nobody through for BREAK_SECONDS."""
        self._closed_from = time.monotonic() + BREAK_SECONDS


class _WatchedConnection(redis.Connection):
    """A connection that trips its pool's breaker when Redis can't be reached or doesn't answer."""

    def __init__(self, *, breaker: Breaker, **options: Any) -> None:
        super().__init__(**options)
        self._breaker = breaker

    def connect(self) -> None:
        with self._tripping():
            super().connect()

    def read_response(self, *args: Any, **options: Any) -> Any:
        with self._tripping():
            return super().read_response(*args, **options)

    @contextmanager
    def _tripping(self) -> Iterator[None]:
        try:
            yield
        except Failure:
            self._breaker.trip()
            raise


class _BreakingPool(redis.BlockingConnectionPool):
    """A bounded pool that fails at once while its breaker is open."""

    def __init__(self, *, breaker: Breaker, **options: Any) -> None:
        self._breaker = breaker
        super().__init__(breaker=breaker, **options)

    def get_connection(self, *args: Any, **options: Any) -> Any:
        if self._breaker.open:
            raise redis.ConnectionError("Redis failed a moment ago")
        return super().get_connection(*args, **options)


def connect(url: str, size: int) -> redis.Redis:
    """A client of at most `size` connections for commands and scripts; replies are str."""
    pool = _BreakingPool.from_url(
        url,
        breaker=Breaker(),
        connection_class=_WatchedConnection,
        max_connections=size,
        timeout=SOCKET_SECONDS,
        **_options(),
    )
    return redis.Redis(connection_pool=pool)


def connect_subscriber(url: str) -> redis.Redis:
    """A client for a subscription; it has no breaker, since a subscriber retries by itself."""
    return redis.Redis.from_url(url, **_options())


@contextmanager
def translated() -> Iterator[None]:
    """Raise RedisUnavailable for what Redis fails to do in the block."""
    try:
        yield
    except redis.RedisError as error:
        raise RedisUnavailable() from error


def script(client: redis.Redis, name: str) -> Script:
    """The script lua/NAME.lua; its first comment says what it guarantees."""
    return client.register_script((_LUA / f"{name}.lua").read_text())


def _options() -> dict[str, Any]:
    return {
        "socket_timeout": SOCKET_SECONDS,
        "socket_connect_timeout": SOCKET_SECONDS,
        # redis-py 8 retries ten times by default; what may be repeated is the caller's to say.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": True,
        "health_check_interval": 0,
    }
