"""The client of Redis, whether that is one server, a cluster, or a master that Sentinel names."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

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
        return _PlainRedis.from_pool(pool_to(url.nodes[0] if url.nodes else None))
    masters = ClusterMasters(url) if url.kind == "cluster" else SentinelMasters(url)
    return FollowingRedis(masters, pool_to)


class _PlainRedis(redis.Redis):
    """One server's client, whose scripts take the short way to it."""

    def register_script(self, script: Any) -> Script:
        return _DirectScript(self, script, self.connection_pool)


class _DirectScript(Script):
    """Sends over a connection of the pool by itself.

    Between a client and its connection redis-py repeats, measures and tells listeners; we ask for
    none of it, and for an increment's two scripts it takes as long as the rest of the call.
    """

    def __init__(self, client: redis.Redis, script: Any, pool: redis.ConnectionPool) -> None:
        super().__init__(client, script)
        self._pool = pool

    def __call__(self, keys: Any = None, args: Any = None, client: Any = None) -> Any:
        if client is not None:
            return super().__call__(keys, args, client)
        names, arguments = tuple(keys or ()), tuple(args or ())
        try:
            return self._send("EVALSHA", self.sha, len(names), *names, *arguments)
        except NoScriptError:
            # Nothing was carried out. A server that was restarted knows no script.
            return self._send("EVAL", self.script, len(names), *names, *arguments)

    def _send(self, *command: Any) -> Any:
        connection = self._pool.get_connection()
        try:
            connection.send_command(*command)
            return connection.read_response()
        finally:
            # It has closed itself if it failed to send or to hear the answer.
            self._pool.release(connection)
