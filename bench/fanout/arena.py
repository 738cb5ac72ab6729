"""The system under test: real stores, API and broadcaster, and players whose points change it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psycopg2
import requests

from tests.servers import Stores, migrate
from tests.system.running import RunningSystem
from tools.embedded import EmbeddedPostgres, EmbeddedValkey

PLAYERS, ACCOUNTS = 10, 100
CHANGES_A_SECOND = 10
SETTINGS = {
    # How many come in a second is what is measured here.
    "NEW_VIEWERS_PER_SECOND": "1000000",
    "ACCESS_TOKEN_SECONDS": "86400",
}
_INTERVAL = re.compile(r"^scoreboard_broadcast_interval_seconds (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Driven:
    """What was changed: (commit in Unix s, version that shows it) each, and the interval then."""

    changes: list[tuple[float, int]]
    interval: float


class Arena:
    """A running system with a full board."""

    def __init__(self, system: RunningSystem) -> None:
        self._system = system
        self._players = cycle([system.register(f"Player number {n}") for n in range(PLAYERS)])
        self.tokens = [system.register().access_token for _ in range(ACCOUNTS)]
        self.port = system.broadcaster_port
        self.pid = system.broadcasters[0].pid
        self.drive(2.0)

    def drive(self, seconds: float) -> Driven:
        """Points through the API, ten a second and each on the board."""
        begun, counted, intervals = time.monotonic(), list[tuple[str, int, int]](), list[float]()
        while time.monotonic() - begun < seconds:
            player = next(self._players)
            outcome = player.score_point()
            counted.append((player.user_id, outcome["newScore"], outcome["boardVersion"]))
            if len(counted) % CHANGES_A_SECOND == 0:
                intervals.append(self._interval())
            due = begun + len(counted) / CHANGES_A_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
        commits = self._commits()
        changes = [(commits[user, score], version) for user, score, version in counted]
        return Driven(changes, median(intervals))

    def _interval(self) -> float:
        metrics = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=10).text
        found = _INTERVAL.search(metrics)
        assert found, metrics
        return float(found[1])

    def _commits(self) -> dict[tuple[str, int], float]:
        connection = psycopg2.connect(self._system.stores.database_url)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT user_id::text, score_after, extract(epoch FROM created_at) FROM actions"
            )
            commits = {(user, score): float(moment) for user, score, moment in cursor}
        connection.close()
        return commits


@contextmanager
def arena() -> Iterator[Arena]:
    """An arena of its own, gone with all its data when the block ends."""
    with (
        TemporaryDirectory(prefix="bench-fanout-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        migrate(postgres.url)
        stores = Stores(postgres.url, valkey.url)
        logs = Path(folder) / "logs"
        logs.mkdir()
        with RunningSystem(stores, logs, variables=SETTINGS) as system:
            yield Arena(system)
