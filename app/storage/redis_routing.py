"""A client for several servers: sends each command to the current master of its keys."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import redis
from redis.client import Pipeline, PubSub
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError

from app.contract import keys
from app.storage.lua_script import Command, LuaScript
from app.storage.redis_pool import CONNECTION_ERRORS, UnusedPool
from app.storage.redis_topology import Topology
from config.redis_url import Address

MAX_REDIRECTS = 5
BOARD_SLOT = key_slot(keys.CACHED_BOARD.encode())
"""Its master publishes every change of the board, so a subscriber receives it there first."""

Reply = TypeVar("Reply")
Send = Callable[[redis.Redis, bool], Reply]
"""Sends to that server, after ASKING if the second argument is true."""

_NOT_THE_MASTER = (*CONNECTION_ERRORS, ClusterDownError, ReadOnlyError)


class RoutingRedis(redis.Redis):
    """Sends commands, scripts and pipelines; the keys of each must be in one slot.

    A command that was not executed (MOVED, ASK) is sent again to the right server. A command that
    may have been executed is not. docs/decisions/0015-redis-of-several-servers.md says why
    redis-py's RedisCluster is not used.
    """

    def __init__(
        self,
        topology: Topology,
        make_pool: Callable[[Address], redis.ConnectionPool],
        database: int,
    ) -> None:
        super().__init__(connection_pool=UnusedPool(database))
        self._topology = topology
        self._make_pool = make_pool
        self._servers: dict[Address, redis.Redis] = {}
        self._servers_lock = threading.Lock()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send to the master of the key's slot; send PING to all masters, which must all answer."""
        if args[0] == "PING":
            return all(
                self.route(address, lambda server, _: server.execute_command(*args, **options))
                for address in self._topology.masters()
            )

        def send(server: redis.Redis, asking: bool) -> Any:
            if not asking:
                return server.execute_command(*args, **options)
            with server.pipeline(transaction=False) as pipeline:
                pipeline.execute_command("ASKING")
                pipeline.execute_command(*args, **options)
                return pipeline.execute()[1]

        return self.route(slot_of(args), send)

    def route(self, start: int | Address, send: Send[Reply]) -> Reply:
        """Send to the master of the slot, or to that server, and follow redirects."""
        address = self._topology.master_of(start) if isinstance(start, int) else start
        asking = False
        for _ in range(MAX_REDIRECTS):
            try:
                return send(self._server(address), asking)
            except AskError as redirected:
                address = redirected.host or address[0], redirected.port
                asking = not isinstance(redirected, MovedError)
                if not asking:
                    self._topology.record_move(redirected.slot_id, address)
            except _NOT_THE_MASTER:
                self._topology.refresh()
                raise
        raise redis.ConnectionError("The cluster redirected the command too often")

    def pipeline(self, transaction: bool = True, _shard_hint: str | None = None) -> Pipeline:
        """A pipeline whose keys are all in one slot; it may contain PUBLISH too."""
        return _RoutingPipeline(self, transaction)

    def pubsub(self, **_options: Any) -> PubSub:
        """A subscription at the master of the board."""
        address = self._topology.master_of(BOARD_SLOT)
        # If that master is down, the next subscription finds its successor.
        self._topology.refresh()
        pool = self._server(address).connection_pool
        return _MasterPubSub(pool, lambda: self._topology.master_of(BOARD_SLOT) == address)

    def register_script(self, script: Any) -> LuaScript:  # type: ignore[override]
        """Also called by the library `limits`, so that its scripts are sent the same way."""
        return LuaScript(self, script)

    def pipeline_raw(self, commands: Sequence[Command]) -> list[Any]:
        """Send each command to the master of its keys; an error concerns only that command."""
        replies: list[Any] = []
        for command in commands:
            try:
                replies.append(self.execute_command(*command))
            except redis.RedisError as error:
                replies.append(error)
        return replies

    def close(self) -> None:
        """Close the connections to all servers."""
        self._topology.close()
        for server in list(self._servers.values()):
            server.connection_pool.disconnect()

    def _server(self, address: Address) -> redis.Redis:
        server = self._servers.get(address)
        if server is not None:
            return server
        with self._servers_lock:
            if address not in self._servers:
                self._servers[address] = redis.Redis(connection_pool=self._make_pool(address))
                self._disconnect(self._servers.keys() - self._topology.masters() - {address})
            return self._servers[address]

    def _disconnect(self, former: set[Address]) -> None:
        """Close the idle connections to servers that are no longer masters."""
        for address in former:
            # Connections in use are closed with their pool.
            self._servers.pop(address).connection_pool.disconnect(inuse_connections=False)


class _RoutingPipeline(Pipeline):
    """Buffers commands like redis-py's pipeline and chooses the server at the end.

    After MOVED all commands are sent again. The keys are in one slot, so none of the commands was
    executed except a PUBLISH, which is sent twice.
    """

    def __init__(self, client: RoutingRedis, transaction: bool) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, None)
        self._client = client
        self._atomic = transaction

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        commands = list(self.command_stack)
        if not commands:
            return []

        def send(server: redis.Redis, asking: bool) -> list[Any]:
            if asking and self._atomic:
                raise redis.ConnectionError("The transaction's slot is being moved")
            ask: list[Any] = [(("ASKING",), {})] if asking else []
            self.command_stack = [each for command in commands for each in (*ask, command)]
            self.connection_pool = server.connection_pool
            replies = super(_RoutingPipeline, self).execute(raise_on_error)
            return replies[len(ask) :: len(ask) + 1]

        return self._client.route(_one_slot(args for args, _ in commands), send)


class _MasterPubSub(PubSub):
    """A subscription that fails at the next ping if its server is no longer the master."""

    def __init__(self, pool: redis.ConnectionPool, is_master: Callable[[], bool]) -> None:
        super().__init__(pool)
        self._is_master = is_master

    def ping(self, message: str | None = None) -> bool:
        # A server that was cut off from its cluster answers a ping, but receives no messages.
        if not self._is_master():
            raise redis.ConnectionError("Another server is the master now")
        return super().ping(message)


def slot_of(args: tuple[Any, ...]) -> int:
    """The slot of a command's key; PUBLISH has none and is sent to the board's master.

    Raises redis.RedisError for any other command without a key.
    """
    name = args[0].upper()
    if name == "PUBLISH":
        return BOARD_SLOT
    position = 3 if name in {"EVAL", "EVALSHA"} else 1
    if " " in name or len(args) <= position or args[position - 1] == 0:
        raise redis.RedisError(f"{name} names no key to find its server by")
    key = args[position]
    return key_slot(key if isinstance(key, bytes) else str(key).encode())


def _one_slot(commands: Iterable[tuple[Any, ...]]) -> int:
    slots = {slot_of(args) for args in commands if args[0] != "PUBLISH"} or {BOARD_SLOT}
    if len(slots) > 1:
        raise redis.RedisError("The keys of one pipeline must be in one slot")
    return slots.pop()
