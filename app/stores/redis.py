"""The client of Redis, whether that is one server, a cluster, or a master that Sentinel names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from app.contract.errors import RedisUnavailable
from app.stores.lua_script import Command, LuaScript
from app.stores.redis_following import FollowingRedis
from app.stores.redis_masters import ClusterMasters, SentinelMasters
from app.stores.redis_pool import BreakingPool, Failure, PatientPool
from config.redis_url import Address, RedisUrl

__all__ = ["Failure", "connect", "connect_subscriber", "translated"]


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


def _client(
    url: RedisUrl, pool_to: Callable[[Address | None], redis.ConnectionPool]
) -> redis.Redis:
    if url.kind == "server":
        return _PlainRedis.from_pool(pool_to(url.nodes[0] if url.nodes else None))
    masters = ClusterMasters(url) if url.kind == "cluster" else SentinelMasters(url)
    return FollowingRedis(masters, pool_to)


class _PlainRedis(redis.Redis):
    """One server's client, whose scripts take the short way to it."""

    def register_script(self, script: Any) -> LuaScript:  # type: ignore[override]
        """Also for the library `limits`, whose scripts then go the same way."""
        return LuaScript(self, script)

    def send_together(self, commands: Sequence[Command]) -> list[Any]:
        """Send all in one write over a connection of the pool, and read their replies.

        Between a client and its connection redis-py repeats, measures and tells listeners; we ask
        for none of it, and for an increment's two scripts it takes as long as the rest of the call.
        """
        try:
            connection = self.connection_pool.get_connection()
        except redis.RedisError as error:
            return [error] * len(commands)
        replies: list[Any] = []
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            for _ in commands:
                replies.append(_reply(connection))
        except redis.RedisError as error:
            # What was answered before stays answered.
            replies += [error] * (len(commands) - len(replies))
        finally:
            # It has closed itself if it failed to send or to hear an answer.
            self.connection_pool.release(connection)
        return replies


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as refused:
        return refused
