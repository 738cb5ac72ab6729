"""A PostgreSQL that reads and does not commit, as while its storage stalls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import psycopg2
import pytest

from app.contract.errors import DatabaseUnavailable
from tests.app.storage.filled_pool import fill_pool
from tests.support.servers import DatabaseServer, store_folder
from tests.support.services import Services
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres

pytestmark = pytest.mark.slow
PROMISED_SECONDS = 2.0
STALL_SECONDS = 5.0
SETTING_SECONDS = 10.0
"""For PostgreSQL to apply a changed setting."""
WRITERS = 5
WRITE = "SELECT pg_logical_emit_message(true, 'test', 'written')"
MakeServices = Callable[..., Services]


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    with store_folder() as folder, EmbeddedPostgres(folder, disposable=True) as server:
        yield server


def set_standby(server: EmbeddedPostgres, name: str) -> None:
    """Have each commit wait for that standby; "" for none. No standby is there."""
    with closing(psycopg2.connect(server.url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("ALTER SYSTEM SET synchronous_standby_names = %s", [name])
            cursor.execute("SELECT pg_reload_conf()")


@contextmanager
def stalled_commits(server: EmbeddedPostgres) -> Iterator[None]:
    """Let all commits wait during the block."""
    ended = threading.Event()

    def write_until_the_end() -> None:
        with closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
            while not ended.is_set():
                cursor.execute(WRITE)
                connection.commit()

    # No view shows when the processes of PostgreSQL have read a changed setting.
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write_until_the_end)
        try:
            set_standby(server, "missing")
            await_true(lambda: stalled_sessions(server), SETTING_SECONDS)
            yield
        finally:
            ended.set()
            set_standby(server, "")
            writing.result(SETTING_SECONDS)


def stalled_sessions(server: EmbeddedPostgres) -> int:
    with closing(psycopg2.connect(server.url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
        return int(cursor.fetchall()[0][0])


def write_in(services: Services, run: str) -> None:
    if run == "call":
        services.database.call(WRITE, {})
    else:
        with services.database.transaction() as connection:
            connection.exec_driver_sql(WRITE)


@pytest.mark.parametrize("run", ["call", "transaction"])
def test_while_commits_stall_reads_are_answered_and_writes_fail_in_the_promised_time(
    own_postgres: EmbeddedPostgres, make_services: MakeServices, run: str
) -> None:
    services = make_services(DATABASE_URL=DatabaseServer(own_postgres).create())
    # Opening connections takes time on a busy machine.
    fill_pool(services.database, WRITERS + 1)
    with stalled_commits(own_postgres):
        read_and_write(services, run)
        # After the first writers, one at a time tries; the server keeps a session for each that
        # waits. One more is that of the test.
        assert stalled_sessions(own_postgres) <= 2 * WRITERS + 1

    def written() -> bool:
        with suppress(DatabaseUnavailable):
            write_in(services, run)
            return True
        return False

    await_true(written, PROMISED_SECONDS)
    await_true(lambda: services.health.check().healthy, PROMISED_SECONDS)


def read_and_write(services: Services, run: str) -> None:
    """Read and write for STALL_SECONDS while commits stall."""
    ends_at = time.monotonic() + STALL_SECONDS
    durations: list[float] = []

    def write() -> None:
        while time.monotonic() < ends_at:
            begun = time.monotonic()
            with pytest.raises(DatabaseUnavailable):
                write_in(services, run)
            durations.append(time.monotonic() - begun)
            time.sleep(0.05)

    def read() -> None:
        while time.monotonic() < ends_at:
            with services.database.reading() as connection:
                assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1
            time.sleep(0.005)

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        running = [pool.submit(read), *(pool.submit(write) for _ in range(WRITERS))]
        time.sleep(STALL_SECONDS / 2)
        assert services.health.check().database == "timeout"
        for each in running:
            each.result()
    assert max(durations) < PROMISED_SECONDS
