"""Time limits in PostgreSQL, errors of the pool, and calls outside SQLAlchemy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import psycopg2
import pytest
from sqlalchemy import text

from app.contract.errors import DatabaseUnavailable
from app.storage.database import CALL_SECONDS
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def milliseconds(services: Services, name: str) -> int:
    with services.database.reading() as connection:
        statement = text("SELECT setting FROM pg_settings WHERE name = :name")
        return int(connection.execute(statement, {"name": name}).scalar_one())


def test_the_server_gives_up_before_the_client_does(services: Services) -> None:
    lock = milliseconds(services, "lock_timeout")
    statement = milliseconds(services, "statement_timeout")
    idle = milliseconds(services, "idle_in_transaction_session_timeout")
    assert 0 < lock < statement < CALL_SECONDS * 1000 < idle < 10_000
    # They apply in transactions too, also after a failed one.
    with pytest.raises(DatabaseUnavailable), services.database.transaction() as connection:
        connection.exec_driver_sql("SELECT 1/0")
    with services.database.transaction() as connection:
        shown = connection.exec_driver_sql("SHOW statement_timeout").scalar_one()
    assert shown == f"{statement}ms"


def test_a_statement_that_takes_too_long_ends_in_the_server_too(
    services: Services, stores: Stores
) -> None:
    begun = time.monotonic()
    with pytest.raises(DatabaseUnavailable), services.database.reading() as connection:
        connection.exec_driver_sql("SELECT pg_sleep(60)")
    assert time.monotonic() - begun < CALL_SECONDS + 0.5
    with psycopg2.connect(stores.database_url) as watching, watching.cursor() as cursor:

        def sleeping() -> int:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
            )
            return int(cursor.fetchall()[0][0])

        await_true(lambda: not sleeping(), 2)


def test_requests_that_wait_for_a_locked_row_do_not_open_the_circuit(
    services: Services, stores: Stores
) -> None:
    with services.database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE locked AS SELECT 1 AS id")

    def wait_for_the_row() -> None:
        with suppress(DatabaseUnavailable), services.database.transaction() as connection:
            connection.exec_driver_sql("SELECT id FROM locked FOR UPDATE")

    with psycopg2.connect(stores.database_url) as holding, holding.cursor() as cursor:
        cursor.execute("SELECT id FROM locked FOR UPDATE")
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(wait_for_the_row) for _ in range(3)]
            while not all(each.done() for each in waiting):
                with services.database.reading() as connection:
                    connection.exec_driver_sql("SELECT 1")


def test_only_one_caller_connects_to_a_server_that_is_down(services: Services) -> None:
    (unused,) = free_ports(1)
    asked = 0

    def refuse(*_: object, **__: object) -> Any:
        nonlocal asked
        asked += 1
        return original(host="127.0.0.1", port=unused, connection_factory=factory)

    original = psycopg2.connect
    with services.database.reading() as connection:
        factory: Any = type(connection.connection.dbapi_connection)
    services.database.close()
    with patch("psycopg2.connect", refuse):
        for _ in range(50):
            with pytest.raises(DatabaseUnavailable), services.database.reading():
                pass
    assert asked == 1


def test_a_call_is_a_transaction_of_its_own_and_returns_its_connection(
    services: Services,
) -> None:
    with services.database.transaction() as connection:
        connection.exec_driver_sql("CREATE TABLE called (id int)")
    write = "WITH written AS (INSERT INTO called VALUES (%(id)s) RETURNING id) TABLE written"
    for each in range(20):  # more than the pool has
        assert services.database.call(write, {"id": each}) == [(each,)]
    with pytest.raises(DatabaseUnavailable):
        services.database.call("SELECT 1 / %(zero)s", {"zero": 0})
    # Other uses of the connection still have transactions.
    with suppress(ZeroDivisionError), services.database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM called")
        raise ZeroDivisionError
    assert services.database.call("SELECT count(*) FROM called", {}) == [(20,)]


def test_a_host_name_is_resolved_without_libpq_which_would_block_all_greenlets(
    services: Services, stores: Stores, make_services: object
) -> None:
    named = stores.database_url.replace("127.0.0.1", "localhost")
    asked = []
    connect = psycopg2.connect

    def noting(*args: object, **where: object) -> object:
        asked.append(where)
        return connect(*args, **where)  # type: ignore[call-overload]

    with patch("psycopg2.connect", noting):
        made = make_services(DATABASE_URL=named)  # type: ignore[operator]
        with made.database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
    hosts, addresses = (str(asked[0][name]).split(",") for name in ("host", "hostaddr"))
    assert set(hosts) == {"localhost"}
    assert "127.0.0.1" in addresses
    assert len(hosts) == len(addresses)
