"""The keys of display names that were stored before their table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tests.support.servers import ROOT, DatabaseServer, migrate, migrate_back
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

BEFORE, AFTER = "0014", "0015"
USERS = 1_200  # More than two batches.
INSERT = (
    "INSERT INTO users (id, username, display_name, password_hash)"
    " SELECT gen_random_uuid(), 'ada_' || n, 'Ada King ' || n, '' FROM generate_series(1, %s) AS n"
)
WRONG = (
    "SELECT count(*) FROM users CROSS JOIN name_keys(display_name) AS wanted"
    " FULL JOIN display_name_keys AS kept"
    " ON kept.user_id = id AND kept.word = wanted.word AND kept.key = wanted.key"
    " WHERE kept.user_id IS NULL OR id IS NULL"
)
KEYS = "SELECT count(*) FROM display_name_keys"


def number(url: str, statement: str) -> int:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        ((found,),) = cursor.fetchall()
        return int(found)


def execute(url: str, statement: str, *values: object) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement, values)


def test_a_release_makes_the_keys_of_every_name_also_if_it_is_repeated(
    postgres: DatabaseServer,
) -> None:
    url = postgres.create(migrated=False)
    migrate(url, BEFORE)
    execute(url, INSERT, USERS)
    migrate(url, AFTER)
    assert (number(url, WRONG), number(url, KEYS)) == (0, 3 * USERS)
    # A release that failed in a batch leaves its trigger and the keys of some users.
    execute(url, "DELETE FROM display_name_keys WHERE user_id > (SELECT id FROM users LIMIT 1)")
    execute(url, "UPDATE alembic_version SET version_num = %s", BEFORE)
    migrate(url, AFTER)
    assert (number(url, WRONG), number(url, KEYS)) == (0, 3 * USERS)
    migrate_back(url, BEFORE)
    execute(url, "UPDATE users SET display_name = 'Grace'")
    migrate(url, AFTER)
    assert (number(url, WRONG), number(url, KEYS)) == (0, USERS)


def test_a_rename_during_the_release_leaves_the_keys_of_the_new_name_only(
    postgres: DatabaseServer,
) -> None:
    url = postgres.create(migrated=False)
    migrate(url, BEFORE)
    execute(url, INSERT, USERS)
    with (
        ThreadPoolExecutor(1) as pool,
        closing(psycopg2.connect(url)) as connection,
        connection.cursor() as renaming,
    ):
        # The first step of the release does not wait for a row that is locked.
        renaming.execute("SELECT FROM users WHERE username = 'ada_1' FOR NO KEY UPDATE")
        release = pool.submit(migrate, url, AFTER)
        await_true(lambda: is_lock_awaited(url), 20)
        renaming.execute("UPDATE users SET display_name = 'Grace' WHERE username = 'ada_1'")
        connection.commit()
        release.result(60)
    assert (number(url, WRONG), number(url, KEYS)) == (0, 3 * (USERS - 1) + 1)


def test_a_batch_is_found_by_the_index_of_the_ids(postgres: DatabaseServer) -> None:
    """A sort of all users that remain would make the release of a million players take minutes."""
    url = postgres.create()
    migration = ScriptDirectory(ROOT / "migrations").get_revision(AFTER).module
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off; SET enable_bitmapscan = off"))
        values = {"after": migration.FIRST_ID, "users": 500}
        plan = connection.execute(text(f"EXPLAIN {migration.BATCH_END}"), values).scalars().all()
    engine.dispose()
    assert "users_pkey" in "".join(plan)
    assert "Sort" not in "".join(plan)
