"""Records the resources of each process: memory, descriptors and connections."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from statistics import fmean

import psutil
import psycopg2
import redis

from bench.soak.series import Series
from tests.support.faults.harness import FaultHarness
from tools.local.processes import tree

MEBIBYTE = 1 << 20
MEMORY_NOISE_MIB = 1.0
COUNT_NOISE = 6.0
"""Pools, whose sizes are bounded, may open another connection at each later peak of the load.

In 20 minutes, of which 12 are checked, this finds a leak of more than one in two minutes.
"""


class ResourceRecorder:
    """A series for each quantity; each call of record() adds a value to all of them."""

    def __init__(self, trial: FaultHarness) -> None:
        self._trial = trial
        self.series: dict[str, Series] = {}

    def record(self, seconds: float) -> None:
        """Add the current values, at `seconds` since the start."""
        for name, value in self._memory():
            self._add(f"{name} memory", "MiB", MEMORY_NOISE_MIB, seconds, value)
        for name, process in self._processes():
            self._add(f"{name} descriptors", "", COUNT_NOISE, seconds, process.num_fds())
        for name, count in self._connections():
            self._add(f"{name} connections", "", COUNT_NOISE, seconds, count)

    def _add(self, name: str, unit: str, noise: float, seconds: float, value: float) -> None:
        series = self.series.setdefault(name, Series(name, unit, noise))
        series.points.append((seconds, value))

    def _memory(self) -> Iterator[tuple[str, float]]:
        for name, process in self._processes():
            yield name, process.memory_info().rss / MEBIBYTE
        # PostgreSQL's processes share buffers, and there are as many as the pools have connections.
        private = []
        for process in psutil.Process(self._trial.postgres.pid).children():
            with suppress(psutil.NoSuchProcess):
                private.append(process.memory_full_info().uss)
        yield "PostgreSQL (private, of a process)", fmean(private) / MEBIBYTE

    def _processes(self) -> Iterator[tuple[str, psutil.Process]]:
        system = self._trial.system
        for number, web in enumerate(system.web, start=1):
            yield from _named(f"web {number}", web)
        for number, broadcaster in enumerate(system.broadcasters, start=1):
            yield from _named(f"broadcaster {number}", broadcaster)
        yield "Valkey", psutil.Process(self._trial.valkey.pid)

    def _connections(self) -> Iterator[tuple[str, int]]:
        stores = self._trial.system.stores
        with (
            closing(psycopg2.connect(stores.database_url)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            )
            (count,) = cursor.fetchone() or (0,)
        yield "PostgreSQL", count
        with redis.Redis.from_url(stores.redis_url) as client:
            yield "Redis", len(client.client_list())


def _named(name: str, process: subprocess.Popen[bytes]) -> Iterator[tuple[str, psutil.Process]]:
    first, *workers = tree(process)
    yield name, first
    for number, worker in enumerate(workers, start=1):
        yield f"{name} worker {number}", worker
