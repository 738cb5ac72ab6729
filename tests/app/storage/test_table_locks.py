"""Schema changes of tables in use: waits are short, and a step is retried as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from app.storage.table_locks import TableLock, run_with_locks
from tests.support.servers import Stores
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

LOCKS = [TableLock("users", "ACCESS EXCLUSIVE"), TableLock("display_tokens", "ACCESS EXCLUSIVE")]
ADD_COLUMN = "ALTER TABLE users ADD COLUMN extra integer"
RunStep = Callable[..., "Future[str]"]


@pytest.fixture
def run_step(stores: Stores) -> Iterator[RunStep]:
    """Runs a step in a thread; the result is the lock_timeout after it."""
    engine = create_engine(stores.database_url.replace("postgresql:", "postgresql+psycopg2:"))

    def run(locks: list[TableLock], statements: list[str], attempts: int) -> str:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL lock_timeout = '7s'"))
            run_with_locks(connection, locks, statements, attempts=attempts)
            return str(connection.execute(text("SHOW lock_timeout")).scalar_one())

    with ThreadPoolExecutor(1) as pool:
        yield lambda locks, statements, attempts: pool.submit(run, locks, statements, attempts)
    engine.dispose()


def query(stores: Stores, statement: str) -> None:
    """One statement of a request, which may wait for a second."""
    with closing(psycopg2.connect(stores.database_url)) as connection:
        connection.cursor().execute(f"SET statement_timeout = '1s'; {statement}")


def test_a_step_waits_for_a_long_transaction_without_delaying_requests(
    stores: Stores, run_step: RunStep
) -> None:
    with closing(psycopg2.connect(stores.database_url)) as dump:
        dump.cursor().execute("LOCK TABLE users IN ACCESS SHARE MODE")
        step = run_step(LOCKS, [ADD_COLUMN], 20)
        await_true(lambda: is_lock_awaited(stores.database_url), 5)
        for _ in range(20):
            query(stores, "SELECT id FROM users")
        assert not step.done()
    assert step.result(10) == "7s"
    query(stores, "SELECT extra FROM users")


def test_a_step_of_which_a_statement_needs_another_lock_is_retried_as_a_whole(
    stores: Stores, run_step: RunStep
) -> None:
    with closing(psycopg2.connect(stores.database_url)) as dump:
        dump.cursor().execute("LOCK TABLE display_tokens IN ACCESS SHARE MODE")
        step = run_step(LOCKS[:1], [ADD_COLUMN, "TRUNCATE display_tokens"], 20)
        await_true(lambda: is_lock_awaited(stores.database_url), 5)
        time.sleep(0.6)
        # The attempt before is undone and its locks are released.
        query(stores, "SELECT id FROM users")
    step.result(10)
    query(stores, "SELECT extra FROM users")


def test_the_last_attempt_names_the_tables_and_leaves_nothing_behind(
    stores: Stores, run_step: RunStep
) -> None:
    with closing(psycopg2.connect(stores.database_url)) as dump:
        dump.cursor().execute("LOCK TABLE display_tokens IN ACCESS SHARE MODE")
        step = run_step(LOCKS, [ADD_COLUMN], 2)
        with pytest.raises(OperationalError, match=r"users, display_tokens in 2 attempts") as error:
            step.result(10)
        assert getattr(error.value.orig, "pgcode", None) == "55P03"
        query(stores, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE")


def test_one_attempt_outlasts_the_second_that_autovacuum_takes_to_give_way(
    stores: Stores, run_step: RunStep
) -> None:
    with closing(psycopg2.connect(stores.database_url)) as vacuum:
        vacuum.cursor().execute("LOCK TABLE users IN SHARE UPDATE EXCLUSIVE MODE")
        begun = time.monotonic()
        step = run_step(LOCKS, [ADD_COLUMN], 1)
        # While the step waits, requests read and write.
        while not step.done():
            query(stores, "SELECT id FROM users; LOCK TABLE users IN ROW EXCLUSIVE MODE")
        assert time.monotonic() - begun > 1
        with pytest.raises(OperationalError):
            step.result()
