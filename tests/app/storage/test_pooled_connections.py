"""Which pooled connections are used again after an error, a lost server or a refused connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import pytest

from app.concurrency.circuit_breaker import ThreadWaits
from app.contract.errors import DatabaseBusy, DatabaseUnavailable
from app.storage.database import Database, connect_pool
from app.storage.pooled_connections import NEW_SECONDS
from config.parsers import postgres_url
from tests.app.storage.filled_pool import fill_pool
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
POOLED = 3
WRITE = "WITH written AS (INSERT INTO noted VALUES (1) RETURNING 1) TABLE written"
SESSIONS = (
    "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
MakeServices = Callable[..., Services]


def by_call(database: Database, statement: str) -> Any:
    return database.call(statement, {})[0][0]


def by_reading(database: Database, statement: str) -> Any:
    with database.reading() as connection:
        return connection.exec_driver_sql(statement).scalar_one()


def by_transaction(database: Database, statement: str) -> Any:
    with database.transaction() as connection:
        return connection.exec_driver_sql(statement).scalar_one()


each_way = pytest.mark.parametrize("run", [by_call, by_reading, by_transaction])
Run = Callable[[Database, str], Any]


@pytest.fixture
def operator(stores: Stores) -> Iterator[Callable[[str], list[Any]]]:
    """Runs a statement on a connection of its own, and returns its rows."""
    connection = psycopg2.connect(stores.database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:

        def run(statement: str) -> list[Any]:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield run
    connection.close()


Operator = Callable[[str], list[Any]]


def sessions(operator: Operator) -> set[int]:
    return {pid for (pid,) in operator(f"SELECT pid {SESSIONS}")}


def terminate(operator: Operator) -> None:
    operator(f"SELECT pg_terminate_backend(pid, 5000) {SESSIONS}")


@each_way
def test_connections_that_the_server_has_closed_are_replaced_without_an_error(
    services: Services, operator: Operator, run: Run
) -> None:
    before = fill_pool(services.database, POOLED)
    terminate(operator)
    after = [run(services.database, "SELECT pg_backend_pid()") for _ in range(2 * POOLED)]
    assert before.isdisjoint(after)


@each_way
def test_connections_that_were_idle_for_too_long_are_replaced_without_an_error(
    services: Services, operator: Operator, run: Run
) -> None:
    operator(
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET idle_session_timeout = 1000',"
        " current_database()); END$$"
    )
    fill_pool(services.database, POOLED)
    await_true(lambda: not sessions(operator), 10)
    for _ in range(2 * POOLED):
        assert run(services.database, "SELECT 1") == 1


@each_way
def test_a_connection_that_is_lost_during_a_statement_costs_one_error_only(
    services: Services, operator: Operator, run: Run
) -> None:
    before = fill_pool(services.database, POOLED)
    with pytest.raises(DatabaseUnavailable):
        run(services.database, "SELECT pg_terminate_backend(pg_backend_pid())")
    after = [run(services.database, "SELECT pg_backend_pid()") for _ in range(2 * POOLED)]
    assert before.isdisjoint(after)


@each_way
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 / 0",
        "SELECT no_such_column",
        "SELECT 1 FROM locked FOR UPDATE",
        "SELECT pg_sleep(60)",
    ],
)
def test_a_failed_statement_keeps_its_connection_and_all_others(
    services: Services, operator: Operator, run: Run, statement: str
) -> None:
    operator("CREATE TABLE locked AS SELECT 1 AS id")
    before = fill_pool(services.database, POOLED)
    with held(operator, "SELECT 1 FROM locked FOR UPDATE"), ThreadPoolExecutor(POOLED) as pool:

        def fail(_: int) -> None:
            with pytest.raises(DatabaseUnavailable):
                run(services.database, statement)

        list(pool.map(fail, range(2 * POOLED)))
    assert sessions(operator) == before
    # The session is in the state in which the next caller expects it.
    assert by_call(services.database, "SELECT 1") == 1
    with suppress(ZeroDivisionError), services.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM locked")
        raise ZeroDivisionError
    assert by_call(services.database, "SELECT count(*) FROM locked") == 1


@contextmanager
def held(operator: Operator, statement: str) -> Iterator[None]:
    """Keep the locks of a statement during the block."""
    operator("BEGIN")
    operator(statement)
    yield
    operator("ROLLBACK")


def make_read_only(operator: Operator, value: str) -> None:
    """For sessions that begin from now on, as on a server that another one has replaced."""
    operator(
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only ="
        f" {value}', current_database()); END$$"
    )


@pytest.mark.parametrize("run", [by_call, by_transaction])
def test_after_a_failover_a_write_reaches_the_new_primary_within_two_seconds(
    services: Services, operator: Operator, run: Run
) -> None:
    operator("CREATE TABLE noted (id int)")
    make_read_only(operator, "on")
    read_only = fill_pool(services.database, POOLED)
    make_read_only(operator, "off")

    def written() -> bool:
        with suppress(DatabaseUnavailable):
            return bool(run(services.database, WRITE))
        return False

    await_true(written, 2)
    # From now on no caller gets a connection to the former primary.
    for _ in range(2 * POOLED):
        assert run(services.database, "SELECT pg_backend_pid()") not in read_only
        assert run(services.database, WRITE)


@pytest.mark.parametrize("run", [by_call, by_transaction])
def test_a_server_that_stays_read_only_gets_no_more_connections_than_the_pool_has(
    services: Services, operator: Operator, run: Run
) -> None:
    operator("CREATE TABLE noted (id int)")
    make_read_only(operator, "on")
    fill_pool(services.database, POOLED)
    opened = set()
    ends_at = time.monotonic() + 2.5 * NEW_SECONDS
    while time.monotonic() < ends_at:
        with pytest.raises(DatabaseUnavailable) as failure:
            run(services.database, WRITE)
        assert "read-only" in str(failure.value.__cause__)
        opened |= sessions(operator)
        # The server process of a closed connection needs a moment to end.
        await_true(lambda: len(sessions(operator)) <= POOLED, 5)
    # Each connection is replaced once a second at most.
    assert len(opened) <= 4 * POOLED
    assert by_reading(services.database, "SELECT 1") == 1


def test_a_refused_connection_does_not_stop_callers_that_have_one(
    services: Services, operator: Operator, stores: Stores, make_services: MakeServices
) -> None:
    role = f"limited_{time.time_ns()}"
    operator(f"CREATE ROLE {role} LOGIN PASSWORD 'limited' CONNECTION LIMIT 1")
    where = stores.database_url.rpartition("@")[2]
    limited = make_services(DATABASE_URL=f"postgresql://{role}:limited@{where}").database
    assert by_call(limited, "SELECT 1") == 1
    for _ in range(20):
        with limited.reading() as connection:
            with pytest.raises(DatabaseUnavailable) as refusal:
                by_call(limited, "SELECT 1")
            assert "too many connections" in str(refusal.value.__cause__)
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
        assert by_call(limited, "SELECT 1") == 1


def test_a_caller_that_finds_no_free_connection_learns_that_postgresql_works(
    stores: Stores,
) -> None:
    database = connect_pool(postgres_url(stores.database_url), 1, ThreadWaits())
    with database.reading() as connection:
        with pytest.raises(DatabaseBusy):
            by_call(database, "SELECT 1")
        assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
    assert by_call(database, "SELECT 1") == 1
    database.close()
