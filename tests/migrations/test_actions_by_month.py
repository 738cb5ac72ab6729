"""The actions of a running system become partitioned without a copy and without long waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import psycopg2
import pytest
from alembic.script import ScriptDirectory

from tests.support.servers import ROOT, DatabaseServer, migrate, migrate_back
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

REVISION = "0005"
USER = "00000000-0000-4000-8000-000000000001"
PLAYED = (
    "INSERT INTO users (id, username, display_name, password_hash) VALUES (%s, 'ada', 'Ada', '')",
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT %s, now() - n * interval '1 hour', gen_random_uuid(), 1, 4001 - n,"
    " now() - n * interval '1 hour' FROM generate_series(1, 4000) AS n",
)
# As the version before it writes an action.
SCORE = (
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after)"
    " VALUES (%s, now(), gen_random_uuid(), 1, 1) RETURNING id"
)
ROWS = "SELECT id, user_id, issued_at, nonce, points, score_after, created_at FROM actions"
FILES = (
    "SELECT pg_relation_filenode(oid) FROM pg_class WHERE oid = to_regclass(%s)"
    " OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = to_regclass(%s)) ORDER BY 1"
)
Execute = Callable[..., list[Any]]


@pytest.fixture
def url(postgres: DatabaseServer) -> str:
    """A database of the version before, with a player that scored 4,000 points in half a year."""
    made = postgres.create(migrated=False)
    migrate(made, before(REVISION))
    return made


def before(revision: str) -> str:
    found = ScriptDirectory(ROOT / "migrations").get_revision(revision).down_revision
    assert isinstance(found, str)
    return found


@pytest.fixture
def execute(url: str) -> Iterator[Execute]:
    """Runs statements in autocommit and returns their rows."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def run(statement: str, *values: object) -> list[Any]:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

        for statement in PLAYED:
            run(statement, USER)
        yield run


def first_partition(execute: Execute) -> str:
    ((name,),) = execute(
        "SELECT relname FROM pg_class WHERE relname ~ '^actions_before_[0-9]{4}_[0-9]{2}$'"
    )
    return str(name)


def test_the_table_is_attached_as_it_is_with_its_indexes(url: str, execute: Execute) -> None:
    rows, files = sorted(execute(ROWS)), execute(FILES, "actions", "actions")
    migrate(url, REVISION)
    name = first_partition(execute)
    assert execute(FILES, name, name) == files
    assert sorted(execute(ROWS)) == rows
    assert execute(SCORE, USER) == [(len(rows) + 1,)]
    for referring in ("actions", name):
        assert execute(
            "SELECT convalidated FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = to_regclass(%s)",
            referring,
        ) == [(True,)]


def test_points_are_counted_while_the_release_waits_for_a_long_reader(
    url: str, execute: Execute
) -> None:
    with closing(psycopg2.connect(url)) as dump, ThreadPoolExecutor(1) as pool:
        dump.cursor().execute("LOCK TABLE actions IN ACCESS SHARE MODE")
        release = pool.submit(migrate, url, REVISION)
        await_true(lambda: is_lock_awaited(url), 10)
        execute("SET statement_timeout = '5s'")
        for _ in range(20):
            execute(SCORE, USER)
        assert not release.done()
        dump.rollback()
        made = 20
        while not release.done():
            execute(SCORE, USER)
            made += 1
            time.sleep(0.005)
        release.result()
    assert execute("SELECT count(*), count(DISTINCT id) FROM actions") == [(4000 + made,) * 2]


def test_a_release_that_died_between_its_steps_can_be_repeated(url: str, execute: Execute) -> None:
    execute(
        "ALTER TABLE actions ADD CONSTRAINT actions_first_partition"
        " CHECK (issued_at < '2000-01-01') NOT VALID"
    )
    migrate(url, REVISION)
    assert execute(SCORE, USER)
    assert execute("SELECT 1 FROM pg_constraint WHERE conname = 'actions_first_partition'") == []


def test_the_downgrade_keeps_every_action_and_the_upgrade_works_again(
    url: str, execute: Execute
) -> None:
    migrate(url, REVISION)
    # Also in a later month.
    execute(SCORE.replace("now()", "now() + interval '80 days'"), USER)
    rows = sorted(execute(ROWS))
    migrate_back(url, before(REVISION))
    kind = "SELECT relkind::text FROM pg_class WHERE oid = to_regclass('actions')"
    assert execute(kind) == [("r",)]
    assert sorted(execute(ROWS)) == rows
    execute(SCORE, USER)
    migrate(url, REVISION)
    assert execute(SCORE, USER) == [(len(rows) + 2,)]
