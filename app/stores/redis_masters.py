"""Which server is the master of a slot: asked aside, so that no request waits for many servers."""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

import redis
import structlog
from redis.sentinel import Sentinel

from app.stores.redis_pool import (
    SOCKET_SECONDS,
    Breaker,
    PatientPool,
    credentials,
    options,
)
from config.redis_url import Address, RedisUrl

SLOTS = 16_384
PAUSE_SECONDS = 0.1
"""Between two looks, however many requests fail meanwhile."""
SENTINEL_SECONDS = 0.5

Table = tuple[Address | None, ...]
"""The master of each slot."""

log = structlog.stdlib.get_logger(__name__)


class Masters(ABC):
    """The masters as last seen; whoever finds them wrong asks to have them looked up again."""

    def __init__(self) -> None:
        self._table: Table = ()
        self._changed = threading.Condition()
        self._looking = False
        self._found = True
        self._looks = 0
        self._next_look = 0.0
        self._breaker = Breaker(threading.local())

    def of_slot(self, slot: int) -> Address:
        """The slot's master; raises redis.ConnectionError while nobody is known."""
        if not self._table:
            self._await_first()
        address = self._table[slot]
        if address is None:
            self.look_again()
            raise redis.ConnectionError(f"Slot {slot} has no master")
        return address

    def all(self) -> set[Address]:
        """Every master; raises redis.ConnectionError like of_slot()."""
        if not self._table:
            self._await_first()
        return {address for address in self._table if address is not None}

    def moved(self, slot: int, address: Address) -> None:
        """Believe a server that says who has the slot now."""
        with self._changed:
            self._table = (*self._table[:slot], address, *self._table[slot + 1 :])
        self.look_again()

    def look_again(self) -> None:
        """Look the masters up, in a thread of its own; at once if nobody does so already."""
        with self._changed:
            if time.monotonic() >= self._next_look:
                self._start_look()

    def close(self) -> None:  # noqa: B027 - not every kind keeps connections
        """Close what looking up keeps open."""

    @abstractmethod
    def _look(self) -> Table:
        """The masters as they are; raises redis.RedisError."""

    def _await_first(self) -> None:
        if self._breaker.open:
            raise redis.ConnectionError("The masters could not be found a moment ago")
        with self._breaker.watch(), self._changed:
            looks = self._looks
            self._start_look()
            self._changed.wait_for(lambda: self._table or self._looks > looks, SOCKET_SECONDS)
            if not self._table:
                raise redis.ConnectionError("The masters can't be found")

    def _start_look(self) -> None:
        if self._looking:
            return
        self._looking = True
        threading.Thread(target=self._look_aside, name="redis-masters", daemon=True).start()

    def _look_aside(self) -> None:
        table: Table = ()
        try:
            table = self._look()
        except redis.RedisError as error:
            # Once: until a failover is over there may be many looks.
            if self._found:
                log.warning("redis_masters_not_found", cause=str(error))
        finally:
            with self._changed:
                if table and set(table) != set(self._table):
                    log.info("redis_masters", masters=_named(table), before=_named(self._table))
                self._table = table or self._table
                self._found = bool(table)
                self._looking = False
                self._looks += 1
                self._next_look = time.monotonic() + PAUSE_SECONDS
                self._changed.notify_all()


class ClusterMasters(Masters):
    """Asks one node after the other, until one is sure of the whole cluster."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__()
        self._url = url
        self._nodes = set(url.nodes)
        self._silent: set[Address] = set()

    def _look(self) -> Table:
        # In no order, so that not all processes ask the same one; who failed lately is last.
        nodes = sorted(
            self._nodes,
            key=lambda node: (node in self._silent, random.random()),  # noqa: S311 - no secret
        )
        causes = []
        for node in nodes:
            try:
                table, found = _slots_according_to(self._url, node)
            except redis.RedisError as error:
                self._silent.add(node)
                causes.append(f"{node[0]}:{node[1]}: {error}")
                continue
            self._silent.discard(node)
            # The addresses of REDIS_URL stay: they may be names that lead to whoever lives.
            self._nodes = found | set(self._url.nodes)
            return table
        raise redis.ConnectionError("; ".join(causes))


class SentinelMasters(Masters):
    """Asks the Sentinels for the one master, which has all slots."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__()
        self._service = url.service
        tls: dict[str, Any] = {} if url.tls is None else {"ssl": True, **url.tls}
        login = credentials(url.sentinel_login)
        self._sentinel = Sentinel(
            url.nodes, sentinel_kwargs={**options(SENTINEL_SECONDS), **login, **tls}
        )

    def close(self) -> None:
        self._sentinel.close()

    def _look(self) -> Table:
        host, port = self._sentinel.discover_master(self._service)
        return ((host, port),) * SLOTS


def _slots_according_to(url: RedisUrl, node: Address) -> tuple[Table, set[Address]]:
    """The table of one node, and all nodes that it knows; raises redis.RedisError."""
    pool = PatientPool(url, node)
    try:
        with redis.Redis(connection_pool=pool).pipeline(transaction=False) as pipeline:
            pipeline.execute_command("CLUSTER INFO")
            pipeline.execute_command("CLUSTER SLOTS")
            information, ranges = pipeline.execute()
    finally:
        pool.disconnect()
    # One that is cut off from the others, or waits for a failover, knows only how it was.
    if information["cluster_state"] != "ok":
        raise redis.ConnectionError("the cluster is not whole to this node")
    table: list[Address | None] = [None] * SLOTS
    nodes = set()
    for first, last, *servers in ranges:
        # A node that doesn't know its own name leaves it out.
        addresses = [
            (host if host not in {"", "?"} else node[0], port) for host, port, *_ in servers
        ]
        table[first : last + 1] = [addresses[0]] * (last - first + 1)
        nodes.update(addresses)
    return tuple(table), nodes


def _named(table: Table) -> list[str]:
    return sorted(f"{address[0]}:{address[1]}" for address in set(table) if address is not None)
