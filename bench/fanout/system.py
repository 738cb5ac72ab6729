"""The measured system: PostgreSQL, Redis, API, broadcaster, and players that score."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import psycopg2
import requests

from app.contract.keys import MAIN_KEYS
from tests.support.servers import Stores, migrate
from tests.support.service_acts import OPERATOR
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

PLAYERS, ACCOUNTS = 10, 100
CHANGES_PER_SECOND = 10
SETTINGS = {
    "WEB_WORKERS": "2",
    # Not limited, because the bench measures how many viewers join in a second.
    "NEW_VIEWERS_PER_SECOND": "1000000",
    "ACCESS_TOKEN_SECONDS": "86400",
}
_INTERVAL = re.compile(r"^scoreboard_broadcast_interval_seconds (\S+)$", re.MULTILINE)


Changes = Literal["points", "entering", "leaving"]
"""What changes the board: points of the same players, points that bring nearly each time another
player into the top ten, or bans and unbans of players in it, in turn."""


class MeasuredSystem:
    """A running system whose board is full."""

    def __init__(self, system: SystemHarness, services: Services) -> None:
        self._system = system
        self._services = services
        self._leaving: Iterator[str] | None = None
        self._registered = [system.register(f"Player number {n}") for n in range(PLAYERS)]
        self._players = cycle(self._registered)
        self.tokens = [system.register().access_token for _ in range(ACCOUNTS)]
        self.port = system.broadcaster_port
        self.pid = system.broadcasters[0].pid
        self.score(2.0)

    def score(self, seconds: float) -> list[tuple[float, int]]:
        """Change the board ten times a second, by points through the API or by bans and unbans.

        Returns for each change the time of its commit in Unix seconds, and the board version that
        shows it.
        """
        if self._leaving is not None:
            return self._ban_and_unban(self._leaving, seconds)
        started, counted = time.monotonic(), list[tuple[str, int, int]]()
        while time.monotonic() - started < seconds:
            player = next(self._players)
            outcome = player.score_point()
            counted.append((player.user_id, outcome["newScore"], outcome["boardVersion"]))
            due = started + len(counted) / CHANGES_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
        commits = self._commits()
        return [(commits[user, score], version) for user, score, version in counted]

    def choose(self, changes: Changes) -> None:
        """Change the board in this way from now on."""
        if changes == "entering":
            self._let_players_enter()
        elif changes == "leaving":
            # Followed by one more, who moves up into the top ten for the one who leaves.
            self._system.register("Player number 10").score_point()
            self._leaving = cycle([player.user_id for player in self._registered])

    def _let_players_enter(self) -> None:
        """From now on nearly each point brings a player into the top ten, and another one out."""
        players = [*self._registered, self._system.register("Player number 10")]
        goal = players[0].score_point()["newScore"]
        for player in players[1:]:
            while player.score_point()["newScore"] < goal:
                pass
        # The player who is out scores first, and then the one who is out because of that.
        self._players = cycle([*reversed(players), *players])

    def interval(self) -> float:
        """The broadcast interval in force, in seconds; costs the broadcaster some ms of CPU."""
        metrics = requests.get(f"http://127.0.0.1:{self.port}/metrics", timeout=10).text
        found = _INTERVAL.search(metrics)
        assert found, metrics
        return float(found[1])

    def _ban_and_unban(self, users: Iterator[str], seconds: float) -> list[tuple[float, int]]:
        started, changes, moderation = time.monotonic(), [], self._services.moderation
        while time.monotonic() - started < seconds:
            user = next(users)
            for change in (moderation.ban, moderation.unban):
                committed_at = time.time()
                change(OPERATOR, user)
                version = self._services.redis.hget(MAIN_KEYS.version, "version")
                changes.append((committed_at, int(version or 0)))
                due = started + len(changes) / CHANGES_PER_SECOND
                time.sleep(max(0.0, due - time.monotonic()))
        return changes

    def _commits(self) -> dict[tuple[str, int], float]:
        connection = psycopg2.connect(self._system.stores.database_url)
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT user_id::text, score_after, extract(epoch FROM created_at) FROM actions"
            )
            commits = {(user, score): float(committed_at) for user, score, committed_at in cursor}
        connection.close()
        return commits


@contextmanager
def measured_system() -> Iterator[MeasuredSystem]:
    """A system with its own PostgreSQL and Redis; all its data is removed at the end."""
    with (
        TemporaryDirectory(prefix="bench-fanout-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        migrate(postgres.url)
        stores = Stores(postgres.url, valkey.url)
        logs = Path(folder) / "logs"
        logs.mkdir()
        with (
            SystemHarness(stores, logs, variables=SETTINGS) as system,
            services_in(system.environment()) as services,
        ):
            yield MeasuredSystem(system, services)
