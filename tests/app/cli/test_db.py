"""`flask db` as an operator starts it: the same migrations as `alembic` runs."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.app.cli.test_process import BIN, environment
from tests.support.servers import ROOT, DatabaseServer, Stores
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
RELEASE_LOCK = 7_203_411
"""The lock of migrations/env.py, which can't be imported outside a migration."""
END_WAITING = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE wait_event = 'advisory' AND datname = current_database()"
)


@pytest.fixture
def empty_stores(postgres: DatabaseServer) -> Stores:
    """A database without tables; migrations need no Redis."""
    return Stores(postgres.create(migrated=False), "redis://127.0.0.1:1")


def run(stores: Stores, *words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command in that folder."""
    command, *arguments = words
    return subprocess.run(
        [BIN / command, *arguments],
        cwd=folder,
        env=environment(stores) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def revision(stores: Stores) -> str:
    connection = psycopg2.connect(stores.database_url)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        ((found,),) = cursor.fetchall()
    connection.close()
    assert isinstance(found, str)
    return found


def errors(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines on stderr that are no log lines."""
    return [line for line in ended.stderr.splitlines() if not line.startswith("{")]


@pytest.mark.parametrize("folder", ["the repository", "another folder"])
def test_upgrade_migrates_an_empty_database_to_the_head_of_alembic(
    empty_stores: Stores, tmp_path: Path, folder: str
) -> None:
    place = ROOT if folder == "the repository" else tmp_path
    upgraded = run(empty_stores, "flask", "--app", "app", "db", "upgrade", folder=place)
    assert upgraded.returncode == 0, upgraded.stderr
    (head,) = run(empty_stores, "alembic", "heads").stdout.splitlines()
    assert head == f"{revision(empty_stores)} (head)"
    assert run(empty_stores, "flask", "db", "current").stdout == f"{head}\n"
    assert run(empty_stores, "flask", "db", "upgrade").returncode == 0
    assert run(empty_stores, "flask", "users", "list").returncode == 0


def test_upgrade_and_downgrade_stop_at_the_named_revision(empty_stores: Stores) -> None:
    for command, target in (("upgrade", "0003"), ("upgrade", "head"), ("downgrade", "0002")):
        assert run(empty_stores, "flask", "db", command, target).returncode == 0
        if target != "head":
            assert revision(empty_stores) == target
    newest = run(empty_stores, "flask", "db", "history").stdout.splitlines()[0]
    assert "(head)" in newest


def test_an_unknown_revision_and_an_absent_database_are_one_line_on_stderr(
    empty_stores: Stores,
) -> None:
    unknown = run(empty_stores, "flask", "db", "upgrade", "9999")
    assert unknown.returncode == 1
    assert errors(unknown) == ["Error: Can't locate revision identified by '9999'"]
    absent = Stores("postgresql://127.0.0.1:1/absent", empty_stores.redis_url)
    refused = run(absent, "flask", "db", "upgrade")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("Can't connect to PostgreSQL; check DATABASE_URL and the server: ")


def test_a_postgresql_that_ends_during_a_migration_is_one_line_on_stderr(
    empty_stores: Stores,
) -> None:
    with (
        closing(psycopg2.connect(empty_stores.database_url)) as operator,
        operator.cursor() as cursor,
        ThreadPoolExecutor() as pool,
    ):
        # In a transaction, pg_stat_activity would not change.
        operator.autocommit = True
        # Another release is running.
        cursor.execute("SELECT pg_advisory_lock(%s)", (RELEASE_LOCK,))
        upgrading = pool.submit(run, empty_stores, "flask", "db", "upgrade")

        def ended() -> bool:
            cursor.execute(END_WAITING)
            return cursor.rowcount > 0

        await_true(ended, 30)
        failed = upgrading.result()
    assert failed.returncode == 1
    assert errors(failed) == [
        "Error: PostgreSQL failed: FATAL:  terminating connection due to administrator command"
    ]
