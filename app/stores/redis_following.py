"""A client that follows the masters: each command goes to whoever has its keys by now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import redis
from redis.client import Pipeline, PubSub
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, ReadOnlyError

from app.contract import keys
from app.stores.lua_script import Command, LuaScript
from app.stores.redis_masters import Masters
from app.stores.redis_pool import Failure, NoPool
from config.redis_url import Address

MOST_REDIRECTS = 5
BOARD_SLOT = key_slot(keys.CACHED_BOARD.encode())
"""Its master publishes every change of the board, so who listens there hears it first."""

Reply = TypeVar("Reply")
Send = Callable[[redis.Redis, bool], Reply]
"""Sends to that server, with ASKING first where it says so."""

_NOT_THE_MASTER = (*Failure, ClusterDownError, ReadOnlyError)


class FollowingRedis(redis.Redis):
    """Commands, scripts and pipelines whose keys are in one slot each.

    What was not carried out (MOVED, ASK) is sent again to the right server; what may have been is
    not. docs/decisions/0015-redis-of-several-servers.md says why this isn't redis-py's own.
    """

    def __init__(
        self, masters: Masters, pool_to: Callable[[Address], redis.ConnectionPool]
    ) -> None:
        super().__init__(connection_pool=NoPool())
        self._masters = masters
        self._pool_to = pool_to
        self._servers: dict[Address, redis.Redis] = {}
        self._changing = threading.Lock()

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send to the master of the key's slot; PING to every master, which all have to answer."""
        if args[0] == "PING":
            return all(
                self.follow(address, lambda server, _: server.execute_command(*args, **options))
                for address in self._masters.all()
            )

        def send(server: redis.Redis, asking: bool) -> Any:
            if not asking:
                return server.execute_command(*args, **options)
            with server.pipeline(transaction=False) as pipeline:
                pipeline.execute_command("ASKING")
                pipeline.execute_command(*args, **options)
                return pipeline.execute()[1]

        return self.follow(slot_of(args), send)

    def follow(self, start: int | Address, send: Send[Reply]) -> Reply:
        """Send to the master of the slot, or to that server, and on to wherever it says."""
        address = self._masters.of_slot(start) if isinstance(start, int) else start
        asking = False
        for _ in range(MOST_REDIRECTS):
            try:
                return send(self._server(address), asking)
            except AskError as redirected:
                address = redirected.host or address[0], redirected.port
                asking = not isinstance(redirected, MovedError)
                if not asking:
                    self._masters.moved(redirected.slot_id, address)
            except _NOT_THE_MASTER:
                self._masters.look_again()
                raise
        raise redis.ConnectionError("The cluster sent the command round in a circle")

    def pipeline(self, transaction: bool = True, _shard_hint: str | None = None) -> Pipeline:
        """A pipeline whose keys are all in one slot; PUBLISH may go with them."""
        return _FollowingPipeline(self, transaction)

    def pubsub(self, **_options: Any) -> PubSub:
        """A subscription at the master of the board."""
        address = self._masters.of_slot(BOARD_SLOT)
        # For the next one, should this one find that master gone.
        self._masters.look_again()
        pool = self._server(address).connection_pool
        return _FollowingPubSub(pool, lambda: self._masters.of_slot(BOARD_SLOT) == address)

    def register_script(self, script: Any) -> LuaScript:  # type: ignore[override]
        """Also for the library `limits`, whose scripts then go the same way."""
        return LuaScript(self, script)

    def send_together(self, commands: Sequence[Command]) -> list[Any]:
        """Send each to the master of its keys; an error is of that one command alone."""
        replies: list[Any] = []
        for command in commands:
            try:
                replies.append(self.execute_command(*command))
            except redis.RedisError as error:
                replies.append(error)
        return replies

    def close(self) -> None:
        """Close the connections to all servers."""
        self._masters.close()
        for server in list(self._servers.values()):
            server.connection_pool.disconnect()

    def _server(self, address: Address) -> redis.Redis:
        server = self._servers.get(address)
        if server is not None:
            return server
        with self._changing:
            if address not in self._servers:
                self._servers[address] = redis.Redis(connection_pool=self._pool_to(address))
                self._leave(self._servers.keys() - self._masters.all() - {address})
            return self._servers[address]

    def _leave(self, former: set[Address]) -> None:
        """Close the idle connections to servers that are masters no more."""
        for address in former:
            # Those in use end with their pool.
            self._servers.pop(address).connection_pool.disconnect(inuse_connections=False)


class _FollowingPipeline(Pipeline):
    """Buffers like redis-py's and chooses the server at the end.

    After a MOVED all of it is sent again, a PUBLISH that was carried out too: its keys are in one
    slot, so none of the other commands was.
    """

    def __init__(self, client: FollowingRedis, transaction: bool) -> None:
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
            replies = super(_FollowingPipeline, self).execute(raise_on_error)
            return replies[len(ask) :: len(ask) + 1]

        return self._client.follow(_one_slot(args for args, _ in commands), send)


class _FollowingPubSub(PubSub):
    """Finds at the next ping that its server is no longer the one to listen at."""

    def __init__(self, pool: redis.ConnectionPool, still_right: Callable[[], bool]) -> None:
        super().__init__(pool)
        self._still_right = still_right

    def ping(self, message: str | None = None) -> bool:
        # One that was cut off from its cluster answers a ping, and hears no message.
        if not self._still_right():
            raise redis.ConnectionError("Another server is the master now")
        return super().ping(message)


def slot_of(args: tuple[Any, ...]) -> int:
    """The slot of a command's key; a command that has none is an error, but for PUBLISH."""
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
