"""Health checks ask for what requests need: stores that can be written to, through their pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import redis

from app.contract.health import HealthReport
from tests.support.players import Person
from tests.support.servers import Stores, redis_server
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
MakeServices = Callable[..., Services]


def operate(stores: Stores, statement: str) -> None:
    """Run a statement on a connection of its own."""
    with closing(psycopg2.connect(stores.database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def checked(services: Services) -> HealthReport:
    begun = time.monotonic()
    report = services.health.check()
    assert time.monotonic() - begun < PROMISED_SECONDS
    return report


def of_broadcaster(services: Services) -> HealthReport:
    broadcaster, _command = services.other_processes
    return broadcaster.health.check()


def test_a_read_only_postgresql_is_unhealthy_for_the_api_and_not_for_a_broadcaster(
    stores: Stores, make_services: MakeServices
) -> None:
    set_read_only = (
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
        " current_database()); END$$"
    )
    operate(stores, set_read_only)
    services = make_services()
    assert (checked(services).database, checked(services).redis) == ("error", "ok")
    assert of_broadcaster(services).healthy


@pytest.mark.parametrize("table", ["users", "actions"])
def test_a_locked_table_is_unhealthy(services: Services, stores: Stores, table: str) -> None:
    assert checked(services).healthy
    with closing(psycopg2.connect(stores.database_url)) as holding, holding.cursor() as cursor:
        # Reads are still answered.
        cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        assert checked(services).database != "ok"
        # The check delays or refuses no request.
        assert services.leaderboard.top() is not None
    await_true(lambda: checked(services).healthy, 5)


@pytest.fixture
def own_redis(stores: Stores, tmp_path: Path) -> Iterator[tuple[Stores, redis.Redis]]:
    """The test's database with a Redis that only this test uses."""
    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        yield Stores(stores.database_url, server.url), client


@pytest.mark.parametrize(
    "fault",
    [
        ("CONFIG", "SET", "maxmemory", "1"),
        ("CONFIG", "SET", "min-replicas-to-write", "1"),
        ("REPLICAOF", "127.0.0.1", "1"),
    ],
    ids=["OOM", "NOREPLICAS", "READONLY"],
)
def test_a_redis_that_refuses_writes_is_unhealthy_for_the_api_and_not_for_a_broadcaster(
    own_redis: tuple[Stores, redis.Redis], make_services: MakeServices, fault: tuple[str, ...]
) -> None:
    stores, operator = own_redis
    services = make_services(REDIS_URL=stores.redis_url)
    assert checked(services).healthy
    operator.execute_command(*fault)
    report = checked(services)
    assert (report.redis, report.database) == ("error", "ok")
    assert of_broadcaster(services).healthy


def test_a_postgresql_without_a_free_connection_is_healthy_while_requests_have_one(
    stores: Stores, make_services: MakeServices
) -> None:
    role = f"limited_{time.time_ns()}"
    operate(stores, f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'limited'")
    where = stores.database_url.rpartition("@")[2]
    services = make_services(DATABASE_URL=f"postgresql://{role}:limited@{where}")
    person = Person.register(services)
    person.score()
    assert checked(services).healthy
    # The role keeps its connections and gets no more of them.
    operate(stores, f"ALTER ROLE {role} NOLOGIN")
    for _ in range(5):
        person.score()
        assert checked(services).healthy
    # Also when no request has counted a point a moment ago.
    time.sleep(1.1)
    assert checked(services).healthy
