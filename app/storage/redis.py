"""The client of Redis: of one server, of a cluster, or of a master that Sentinels name.

The library limits counts over such a client too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
from limits.storage import RedisStorage

from app.concurrency.circuit_breaker import ThreadWaits
from app.contract.channels import of_database
from app.contract.errors import RedisUnavailable
from app.storage.lua_script import Command, LuaScript
from app.storage.redis_pool import CONNECTION_ERRORS, CircuitBreakerPool, PlainPool
from app.storage.redis_routing import RoutingRedis
from app.storage.redis_topology import ClusterTopology, SentinelTopology
from config.redis_url import Address, RedisUrl

__all__ = [
    "CONNECTION_ERRORS",
    "AppRedisStorage",
    "channel",
    "connect",
    "connect_subscriber",
    "redis_errors",
]


def connect(url: RedisUrl, size: int, thread_waits: ThreadWaits | None = None) -> redis.Redis:
    """A client for commands and scripts, with at most `size` connections per server.

    Replies are str. Connects only when it is used. `thread_waits` learns how long the calling
    thread has waited for a server that did not answer.
    """
    waits = thread_waits or ThreadWaits()
    return _client(url, lambda address: CircuitBreakerPool(url, address, size, waits))


def connect_subscriber(url: RedisUrl) -> redis.Redis:
    """A client for a subscription, without a breaker, because Subscription retries on its own."""
    return _client(url, lambda address: PlainPool(url, address))


def channel(client: redis.Redis, name: str) -> str:
    """The name of a channel that only processes with the same database of this Redis use."""
    return of_database(name, client.connection_pool.connection_kwargs.get("db", 0))


@contextmanager
def redis_errors() -> Iterator[None]:
    """Raise RedisUnavailable for every error of Redis in the block."""
    try:
        yield
    except redis.RedisError as error:
        raise RedisUnavailable() from error


def _client(
    url: RedisUrl, make_pool: Callable[[Address | None], redis.ConnectionPool]
) -> redis.Redis:
    if url.kind == "server":
        return _PlainRedis.from_pool(make_pool(url.nodes[0] if url.nodes else None))
    topology = ClusterTopology(url) if url.kind == "cluster" else SentinelTopology(url)
    return RoutingRedis(topology, make_pool, url.database)


class _PlainRedis(redis.Redis):
    """The client of one server, which sends scripts without redis-py's layers between."""

    def register_script(self, script: Any) -> LuaScript:  # type: ignore[override]
        """Also called by the library `limits`, so that its scripts are sent the same way."""
        return LuaScript(self, script)

    def pipeline_raw(self, commands: Sequence[Command]) -> list[Any]:
        """Send all commands in one write over a connection of the pool, and read the replies.

        Between client and connection redis-py retries, measures and notifies listeners. None of it
        is used here, and for the two scripts of an increment it would double the cost of the call.
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
            # The replies read before the failure stay valid.
            replies += [error] * (len(commands) - len(replies))
        finally:
            # The connection has closed itself if sending or reading failed.
            self.connection_pool.release(connection)
        return replies


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error


class AppRedisStorage(RedisStorage):
    """A storage of the library limits that uses the client's pool, timeouts and circuit breaker.

    Raises redis.RedisError. The library's storages for Cluster and Sentinel would connect at once
    and retry on their own.
    """

    SCHEME = "app"
    STORAGE_SCHEME: list[str] = [SCHEME]  # noqa: RUF012 - as the library declares it

    def __init__(self, uri: str, client: redis.Redis, **options: Any) -> None:
        super().__init__(uri, connection_pool=client.connection_pool, **options)
        self.storage = client
        self.initialize_storage(uri)
