"""The client of Redis, whether that is one server, a cluster, or a master that Sentinel names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redis.commands.core import Script

from app.contract.errors import RedisUnavailable
from app.stores.redis_following import FollowingRedis
from app.stores.redis_masters import ClusterMasters, SentinelMasters
from app.stores.redis_pool import BreakingPool, Failure, PatientPool
from config.redis_url import Address, RedisUrl

__all__ = ["Failure", "connect", "connect_subscriber", "script", "translated"]

_LUA = Path(__file__).parent / "lua"


def connect(url: RedisUrl, size: int) -> redis.Redis:
    """A client for commands and scripts; `size` connections at most to a server; replies are str.

    It connects to nothing yet.
    """
    waited = threading.local()
    return _client(url, lambda address: BreakingPool(url, address, size, waited))


def connect_subscriber(url: RedisUrl) -> redis.Redis:
    """A client for a subscription; it has no breaker, since a subscriber retries by itself."""
    return _client(url, lambda address: PatientPool(url, address))


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


def _client(
    url: RedisUrl, pool_to: Callable[[Address | None], redis.ConnectionPool]
) -> redis.Redis:
    if url.kind == "server":
        return redis.Redis.from_pool(pool_to(url.nodes[0] if url.nodes else None))
    masters = ClusterMasters(url) if url.kind == "cluster" else SentinelMasters(url)
    return FollowingRedis(masters, pool_to)
