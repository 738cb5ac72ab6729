"""The index of usernames, which does not depend on the locale of the database."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg2
import pytest

from tests.support.servers import DatabaseServer, migrate

pytestmark = pytest.mark.slow

INSERT = (
    "INSERT INTO users (id, username, display_name, password_hash)"
    " VALUES (gen_random_uuid(), %s, 'Ada', '')"
)
BUILD = (
    'CREATE UNIQUE INDEX CONCURRENTLY users_username_key_c ON users (lower(username COLLATE "C"))'
)
# In place of a table that is big.
SLOW_BUILD = """
CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_sleep(3); END';
CREATE EVENT TRIGGER slow_build ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
    EXECUTE FUNCTION wait()
"""


def execute(url: str, statement: str, *values: str) -> None:
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement, values)


def test_a_release_names_the_accounts_that_differ_only_in_letter_case(
    postgres: DatabaseServer,
) -> None:
    url = postgres.create(migrated=False)
    migrate(url, "0005")
    # In a Turkish locale, lower('ADMIN') is not 'admin', so the old index allowed both.
    execute(url, "DROP INDEX users_username_key")
    for name in ("ada", "admin", "ADMIN"):
        execute(url, INSERT, name)
    with pytest.raises(RuntimeError, match=r"(?s)flask users rename.* admin, .* ADMIN"):
        migrate(url)
    execute(url, "UPDATE users SET username = 'admin.2' WHERE username = 'ADMIN'")
    migrate(url)
    with pytest.raises(psycopg2.errors.UniqueViolation, match="users_username_key"):
        execute(url, INSERT, "ADMIN")


def test_an_index_that_was_created_before_the_release_is_used(postgres: DatabaseServer) -> None:
    url = postgres.create(migrated=False)
    migrate(url, "0005")
    execute(url, BUILD)
    migrate(url)


def test_a_release_refuses_an_index_whose_build_failed(postgres: DatabaseServer) -> None:
    url = postgres.create(migrated=False)
    migrate(url, "0005")
    execute(url, "DROP INDEX users_username_key")
    for name in ("admin", "ADMIN"):
        execute(url, INSERT, name)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        execute(url, BUILD)
    execute(url, "DELETE FROM users WHERE username = 'ADMIN'")
    with pytest.raises(RuntimeError, match="REINDEX INDEX CONCURRENTLY users_username_key_c"):
        migrate(url)
    execute(url, "REINDEX INDEX CONCURRENTLY users_username_key_c")
    migrate(url)


def test_a_build_that_stops_writes_for_too_long_is_left_to_the_operator(
    postgres: DatabaseServer,
) -> None:
    url = postgres.create(migrated=False)
    migrate(url, "0005")
    execute(url, SLOW_BUILD)
    with (
        closing(psycopg2.connect(url)) as connection,
        connection.cursor() as cursor,
        ThreadPoolExecutor(1) as pool,
    ):
        connection.autocommit = True
        cursor.execute("SET statement_timeout = '1s'")
        release = pool.submit(migrate, url)
        while not release.done():
            cursor.execute("UPDATE users SET score = score")
        with pytest.raises(RuntimeError, match=re.escape(BUILD)):
            release.result()
    execute(url, "DROP EVENT TRIGGER slow_build")
    execute(url, BUILD)
    migrate(url)
