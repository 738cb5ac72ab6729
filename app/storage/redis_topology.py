"""Which server is the master of a slot. A thread of its own finds out, so no request waits."""

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from typing import Any

import redis
import structlog
from redis.sentinel import Sentinel

from app.concurrency.circuit_breaker import CircuitBreaker
from app.storage.redis_pool import SOCKET_SECONDS, PlainPool, connection_options, credentials
from config.redis_url import Address, RedisUrl

SLOTS = 16_384
REFRESH_PAUSE_SECONDS = 0.1
"""Between two refreshes, however many requests fail in the meantime."""
SENTINEL_SECONDS = 0.5

Table = tuple[Address | None, ...]
"""The master of each slot."""

log = structlog.stdlib.get_logger(__name__)


class Topology(ABC):
    """The masters as last found. A caller that finds a master wrong asks for a refresh."""

    def __init__(self) -> None:
        self._table: Table = ()
        self._changed = threading.Condition()
        self._refreshing = False
        self._found = True
        self._refreshes = 0
        self._next_refresh_at = 0.0
        self._breaker = CircuitBreaker()

    def master_of(self, slot: int) -> Address:
        """The master of the slot; raises redis.ConnectionError if none is known."""
        if not self._table:
            self._await_first_table()
        address = self._table[slot]
        if address is None:
            self.refresh()
            raise redis.ConnectionError(f"Slot {slot} has no master")
        return address

    def masters(self) -> set[Address]:
        """Every master; raises redis.ConnectionError like master_of()."""
        if not self._table:
            self._await_first_table()
        return {address for address in self._table if address is not None}

    def record_move(self, slot: int, address: Address) -> None:
        """Store the master of a slot that a server has named in a redirect."""
        with self._changed:
            self._table = (*self._table[:slot], address, *self._table[slot + 1 :])
        self.refresh()

    def refresh(self) -> None:
        """Find the masters in a thread of its own, unless that has just been done; doesn't wait."""
        with self._changed:
            if time.monotonic() >= self._next_refresh_at:
                self._start_refresh()

    def close(self) -> None:  # noqa: B027 - not every kind keeps connections
        """Close the connections that finding the masters uses."""

    @abstractmethod
    def _find(self) -> Table:
        """Ask for the current masters; raises redis.RedisError."""

    def _await_first_table(self) -> None:
        if not self._breaker.allows_call():
            raise redis.ConnectionError("The masters could not be found a moment ago")
        with self._changed:
            before = self._refreshes
            self._start_refresh()
            self._changed.wait_for(lambda: self._table or self._refreshes > before, SOCKET_SECONDS)
            found = bool(self._table)
        if not found:
            self._breaker.trip()
            raise redis.ConnectionError("The masters can't be found")
        self._breaker.close()

    def _start_refresh(self) -> None:
        if self._refreshing:
            return
        self._refreshing = True
        threading.Thread(target=self._run_refresh, name="redis-masters", daemon=True).start()

    def _run_refresh(self) -> None:
        table: Table = ()
        try:
            table = self._find()
        except redis.RedisError as error:
            # Only the first failure, because there may be many until a failover is over.
            if self._found:
                log.warning("redis_masters_not_found", cause=str(error))
        finally:
            with self._changed:
                if table and set(table) != set(self._table):
                    log.info("redis_masters", masters=_named(table), before=_named(self._table))
                self._table = table or self._table
                self._found = bool(table)
                self._refreshing = False
                self._refreshes += 1
                self._next_refresh_at = time.monotonic() + REFRESH_PAUSE_SECONDS
                self._changed.notify_all()


class ClusterTopology(Topology):
    """Asks one node after the other, until one reports that the cluster is complete."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__()
        self._url = url
        self._nodes = set(url.nodes)
        self._failed: set[Address] = set()

    def _find(self) -> Table:
        # In random order, so that not all processes ask the same node. Nodes that failed last time
        # come last.
        nodes = sorted(
            self._nodes,
            key=lambda node: (node in self._failed, random.random()),  # noqa: S311 - no secret
        )
        causes = []
        for node in nodes:
            try:
                table, found = _ask_node(self._url, node)
            except redis.RedisError as error:
                self._failed.add(node)
                causes.append(f"{node[0]}:{node[1]}: {error}")
                continue
            self._failed.discard(node)
            # The addresses of REDIS_URL stay, because they may be names that resolve to live nodes.
            self._nodes = found | set(self._url.nodes)
            return table
        raise redis.ConnectionError("; ".join(causes))


class SentinelTopology(Topology):
    """Asks the Sentinels for the only master, which has all slots."""

    def __init__(self, url: RedisUrl) -> None:
        super().__init__()
        self._service = url.service
        tls: dict[str, Any] = {} if url.tls is None else {"ssl": True, **url.tls}
        login = credentials(url.sentinel_login)
        self._sentinel = Sentinel(
            url.nodes, sentinel_kwargs={**connection_options(SENTINEL_SECONDS), **login, **tls}
        )

    def close(self) -> None:
        self._sentinel.close()

    def _find(self) -> Table:
        host, port = self._sentinel.discover_master(self._service)
        return ((host, port),) * SLOTS


def _ask_node(url: RedisUrl, node: Address) -> tuple[Table, set[Address]]:
    """The table of a node, and all nodes that it knows; raises redis.RedisError."""
    pool = PlainPool(url, node)
    try:
        with redis.Redis(connection_pool=pool).pipeline(transaction=False) as pipeline:
            pipeline.execute_command("CLUSTER INFO")
            pipeline.execute_command("CLUSTER SLOTS")
            information, ranges = pipeline.execute()
    finally:
        pool.disconnect()
    # The table of a node that is cut off, or waits for a failover, may be out of date.
    if information["cluster_state"] != "ok":
        raise redis.ConnectionError("the node reports that the cluster is not complete")
    table: list[Address | None] = [None] * SLOTS
    nodes = set()
    for first, last, *servers in ranges:
        # A node that doesn't know its own address leaves it empty.
        addresses = [
            (host if host not in {"", "?"} else node[0], port) for host, port, *_ in servers
        ]
        table[first : last + 1] = [addresses[0]] * (last - first + 1)
        nodes.update(addresses)
    return tuple(table), nodes


def _named(table: Table) -> list[str]:
    return sorted(f"{address[0]}:{address[1]}" for address in set(table) if address is not None)
