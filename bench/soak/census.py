"""What every process of a running system holds: memory, descriptors, connections."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress

import psutil
import psycopg2
import redis

from bench.soak.series import Series
from tests.faults.trial import Trial
from tools.processes import tree

MEBIBYTE = 1 << 20
LEAST_MEMORY, LEAST_COUNT = 1.0, 2.0


class Census:
    """Series of every quantity, filled by one look after the other."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.series: dict[str, Series] = {}

    def look(self, seconds: float) -> None:
        """Note everything as it is so many seconds after the start."""
        for name, value in self._memory():
            self._note(f"{name} memory", "MiB", LEAST_MEMORY, seconds, value)
        for name, process in self._processes():
            self._note(f"{name} descriptors", "", LEAST_COUNT, seconds, process.num_fds())
        for name, count in self._connections():
            self._note(f"{name} connections", "", LEAST_COUNT, seconds, count)

    def _note(self, name: str, unit: str, least: float, seconds: float, value: float) -> None:
        series = self.series.setdefault(name, Series(name, unit, least))
        series.points.append((seconds, value))

    def _memory(self) -> Iterator[tuple[str, float]]:
        for name, process in self._processes():
            yield name, process.memory_info().rss / MEBIBYTE
        # Its processes come and go and share their buffers, so what is each one's own is added up.
        private = 0
        for process in psutil.Process(self._trial.postgres.pid).children():
            with suppress(psutil.NoSuchProcess):
                private += process.memory_full_info().uss
        yield "PostgreSQL (all, private)", private / MEBIBYTE

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
