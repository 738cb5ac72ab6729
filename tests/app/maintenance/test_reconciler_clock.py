"""Repairs while PostgreSQL's own clock is set, back or forward, and then right again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import redis

from app.audit.audited_change import Initiator
from app.contract.errors import RedisUnavailable
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.maintenance.mark_validity import MAX_GAP_SECONDS
from tests.app.conftest import StartBackground
from tests.support.environment import FAKETIME
from tests.support.faults.postgres_clock import PostgresWithClock
from tests.support.players import Person
from tests.support.rank_index import index_equals_database, record_unpublished_point
from tests.support.servers import DatabaseServer, redis_server, store_folder
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(FAKETIME is None, reason="Debian's package faketime is not installed"),
]
REPAIR_SECONDS = 5.0
OPERATOR = Initiator("operator:test", "because")
MakeServices = Callable[..., Services]


@pytest.fixture
def clocked() -> Iterator[PostgresWithClock]:
    with store_folder() as folder, PostgresWithClock(folder, disposable=True) as server:
        yield server


def repaired(services: Services) -> bool:
    # The circuit breaker is open for a moment after Redis is back.
    with suppress(redis.RedisError):
        return index_equals_database(services)
    return False


@pytest.mark.parametrize(
    ("seconds", "outage_seconds"), [(-300, MAX_GAP_SECONDS), (300, MAX_GAP_SECONDS), (-300, 2.0)]
)
def test_points_are_repaired_that_were_counted_while_the_clock_was_wrong_and_redis_did_not_answer(
    clocked: PostgresWithClock,
    make_services: MakeServices,
    start_background: StartBackground,
    tmp_path: Path,
    seconds: int,
    outage_seconds: float,
) -> None:
    with redis_server(tmp_path) as valkey:
        services = make_services(
            DATABASE_URL=DatabaseServer(clocked).create(), REDIS_URL=valkey.url
        )
        players = [Person.register(services) for _ in range(3)]
        for player in players:
            player.score()
        start_background(services)
        await_true(lambda: repaired(services), 20)
        rebuilt = IndexRebuild(services.redis).state().mark
        await_true(lambda: IndexRebuild(services.redis).state().mark != rebuilt, 20)
        valkey.pause()
        clocked.set_clock(seconds)
        for player in players:
            record_unpublished_point(services, player)
        # The shortest outage is noticed by a check of the reconciler, not by the time it takes.
        time.sleep(outage_seconds)
        clocked.set_clock(0)
        valkey.resume()
        await_true(lambda: repaired(services), REPAIR_SECONDS)
        for player in players:
            assert player.score().rank == 1


def test_a_ban_that_was_not_published_is_published_though_the_clock_was_wrong_between_two_passes(
    clocked: PostgresWithClock, make_services: MakeServices, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as valkey:
        url = DatabaseServer(clocked).create()
        reconciling = make_services(DATABASE_URL=url, REDIS_URL=valkey.url)
        other_process = make_services(DATABASE_URL=url, REDIS_URL=valkey.url)
        player = Person.register(reconciling)
        player.score()
        # The first one rebuilds. The second one is the pass before.
        reconciling.reconciler.run_pass()
        reconciling.reconciler.run_pass()
        clocked.set_clock(-300)
        valkey.pause()
        act = other_process.moderation.ban(OPERATOR, player.user_id)
        valkey.resume()
        clocked.set_clock(0)
        assert act.done
        reconciling.reconciler.run_pass()
        await_true(lambda: retried(other_process), 20)
        assert repaired(reconciling)


def retried(services: Services) -> bool:
    with suppress(RedisUnavailable):
        services.reconciler.retry_failed()
        return True
    return False
