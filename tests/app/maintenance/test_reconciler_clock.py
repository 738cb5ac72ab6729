"""Repairs while PostgreSQL's own clock is set, back or forward, and then right again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg2
import pytest
import redis

from app.maintenance.mark_validity import MAX_GAP_SECONDS
from tests.app.conftest import StartBackground
from tests.support.environment import FAKETIME
from tests.support.players import Person
from tests.support.rank_index import index_equals_database, record_unpublished_point
from tests.support.servers import DatabaseServer, redis_server, store_folder
from tests.support.services import Services
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FAKETIME is None, reason="Debian's package faketime is not installed"),
]
REPAIR_SECONDS = 5.0
MakeServices = Callable[..., Services]


class PostgresWithClock(EmbeddedPostgres):
    """A PostgreSQL whose clock can be set while it runs."""

    def set_clock(self, seconds: int) -> None:
        """Set the clock that many seconds ahead of the machine's, and wait until it is."""
        self._difference.write_text(f"{seconds:+d}s")
        await_true(lambda: abs(self._measured() - seconds) < 1, 10)

    @property
    def _difference(self) -> Path:
        return self.data_dir / "clock"

    def _measured(self) -> float:
        with closing(psycopg2.connect(self.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
            return float(cursor.fetchall()[0][0]) - time.time()

    def _command(self) -> list[str | Path]:
        self._difference.write_text("+0s")
        self._difference.chmod(0o644)
        settings = {
            "LD_PRELOAD": FAKETIME,
            "FAKETIME_TIMESTAMP_FILE": self._difference,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        return [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            *super()._command(),
        ]


@pytest.fixture
def clocked() -> Iterator[PostgresWithClock]:
    with store_folder() as folder, PostgresWithClock(folder, fsync=False) as server:
        yield server


def repaired(services: Services) -> bool:
    # The circuit breaker is open for a moment after Redis is back.
    with suppress(redis.RedisError):
        return index_equals_database(services)
    return False


@pytest.mark.parametrize("seconds", [-300, 300])
def test_points_are_repaired_that_were_counted_while_the_clock_was_wrong_and_redis_did_not_answer(
    clocked: PostgresWithClock,
    make_services: MakeServices,
    start_background: StartBackground,
    tmp_path: Path,
    seconds: int,
) -> None:
    with redis_server(tmp_path) as valkey:
        services = make_services(
            DATABASE_URL=DatabaseServer(clocked).create(), REDIS_URL=valkey.url
        )
        players = [Person.register(services) for _ in range(3)]
        for player in players:
            player.score()
        start_background(services)
        await_true(lambda: repaired(services), REPAIR_SECONDS)
        valkey.pause()
        clocked.set_clock(seconds)
        for player in players:
            record_unpublished_point(services, player)
        time.sleep(MAX_GAP_SECONDS)
        clocked.set_clock(0)
        valkey.resume()
        await_true(lambda: repaired(services), REPAIR_SECONDS)
        for player in players:
            assert player.score().rank == 1
