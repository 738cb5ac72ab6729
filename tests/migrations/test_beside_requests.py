"""Each migration of a database in use waits for long transactions without delaying requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from alembic.script import ScriptDirectory

from tests.support.servers import ROOT, DatabaseServer, migrate
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

SCRIPTS = ScriptDirectory(ROOT / "migrations")
# The first has no database before it, 0004 only creates a function, and 0008 a table.
CHANGING_TABLES = [
    script.revision
    for script in SCRIPTS.walk_revisions()
    if script.revision not in {"0001", "0004", "0008"}
]
TABLES = (
    "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
)


@pytest.mark.parametrize("revision", CHANGING_TABLES)
def test_requests_use_every_table_while_a_release_waits(
    revision: str, postgres: DatabaseServer
) -> None:
    url = postgres.create(migrated=False)
    before = SCRIPTS.get_revision(revision).down_revision
    assert isinstance(before, str)
    migrate(url, before)
    with (
        # First, because it waits for the release, which ends only after `writer` is closed.
        ThreadPoolExecutor(1) as pool,
        closing(psycopg2.connect(url)) as writer,
        closing(psycopg2.connect(url)) as request,
    ):
        request.autocommit = True
        writing, requesting = writer.cursor(), request.cursor()
        writing.execute(TABLES)
        tables = [name for (name,) in writing.fetchall()]
        # Not every migration waits for readers: 0006 only stops writes.
        writing.execute(f"LOCK TABLE {', '.join(tables)} IN ROW EXCLUSIVE MODE")
        release = pool.submit(migrate, url, revision)
        await_true(lambda: is_lock_awaited(url) or release.done(), 10)
        requesting.execute("SET statement_timeout = '1s'")
        for _ in range(20):
            for table in tables:
                requesting.execute(f"SELECT 1 FROM {table} LIMIT 1")
                requesting.execute(f"DELETE FROM {table} WHERE false")
        assert not release.done()
        writer.rollback()
        release.result(30)


def test_an_increment_that_has_locked_its_user_does_not_fail_the_release(
    postgres: DatabaseServer,
) -> None:
    url = postgres.create(migrated=False)
    migrate(url, "0004")
    with (
        closing(psycopg2.connect(url)) as connection,
        connection.cursor() as cursor,
        ThreadPoolExecutor(1) as pool,
    ):
        cursor.execute(
            "INSERT INTO users (id, username, display_name, password_hash)"
            " VALUES (gen_random_uuid(), 'ada', 'Ada', '')"
        )
        connection.commit()
        cursor.execute("SELECT id::text FROM users FOR NO KEY UPDATE")
        ((user_id,),) = cursor.fetchall()
        release = pool.submit(migrate, url, "0005")
        await_true(lambda: is_lock_awaited(url), 10)
        cursor.execute("SET LOCAL statement_timeout = '1s'")
        cursor.execute(
            "SELECT verdict FROM count_action("
            "%s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, gen_random_uuid(), 60000)",
            (user_id,),
        )
        assert cursor.fetchall() == [("counted",)]
        connection.commit()
        release.result(30)
