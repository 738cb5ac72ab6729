"""Migrations up and down, compared with the tables of the code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from app.storage.tables import metadata
from tests.support.environment import base_environment
from tests.support.servers import ROOT, DatabaseServer, migrate, migrate_back

pytestmark = pytest.mark.slow

PARTITION = re.compile(r"actions_(before_\d|\d|default)")


def engine_of(url: str) -> Engine:
    return create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))


def tables(url: str) -> set[str]:
    engine = engine_of(url)
    names = inspect(engine).get_table_names()
    found = {name for name in names if not PARTITION.match(name)}
    engine.dispose()
    return found


def differences(url: str) -> list[object]:
    """The changes that Alembic would still make; it compares expressions of indexes too."""
    engine = engine_of(url)
    with engine.connect() as connection:
        # Partitions have the columns of their table.
        options = {"include_name": lambda name, *_: not PARTITION.match(name or "")}
        found = compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
    engine.dispose()
    return list(found)


def constraints(url: str) -> dict[str, str]:
    """Check constraints and partial indexes, which Alembic doesn't compare."""
    engine = engine_of(url)
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c'"
                " AND connamespace = 'public'::regnamespace"
                " UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            )
        )
        found = {
            row[0]: row[1] for row in rows if not re.match(f"alembic|{PARTITION.pattern}", row[0])
        }
    engine.dispose()
    return found


def test_migrations_create_the_tables_of_the_code(postgres: DatabaseServer) -> None:
    migrated, declared = postgres.create(), postgres.create(migrated=False)
    assert differences(migrated) == []
    engine = engine_of(declared)
    metadata.create_all(engine)
    engine.dispose()
    assert constraints(migrated) == constraints(declared)


def test_downgrades_leave_nothing_and_upgrades_work_again(postgres: DatabaseServer) -> None:
    url = postgres.create()
    migrate_back(url)
    assert tables(url) == {"alembic_version"}
    migrate(url)
    assert tables(url) == set(metadata.tables) | {"alembic_version"}
    assert differences(url) == []


def test_concurrent_releases_do_not_collide(postgres: DatabaseServer) -> None:
    url = postgres.create(migrated=False)
    alembic = Path(sys.executable).parent / "alembic"
    variables = base_environment() | {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1"}
    releases = [
        subprocess.Popen(
            [alembic, "upgrade", "head"],
            cwd=ROOT,
            env=os.environ | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for release in releases:
        output, _ = release.communicate(timeout=60)
        assert release.returncode == 0, output
    assert differences(url) == []


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory(ROOT / "migrations").get_heads()) == 1


def test_audit_entries_without_a_user_do_not_prevent_a_downgrade(postgres: DatabaseServer) -> None:
    url = postgres.create()
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO audit (actor, act, reason, details)"
                " VALUES ('operator:x', 'issue-display-token', 'a test', '{}')"
            )
        )
    engine.dispose()
    migrate_back(url)
    migrate(url)
    assert differences(url) == []


def test_a_downgrade_shows_the_acts_of_a_frozen_board(postgres: DatabaseServer) -> None:
    url = postgres.create()
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO users (id, username, display_name, password_hash) VALUES"
                " (gen_random_uuid(), 'ada', 'Ada', ''), (gen_random_uuid(), 'bob', 'Bob', '');"
                "INSERT INTO boards (key, title, better, combine, scored_by, min_points,"
                " max_points, periods, time_zone, freezes_at) VALUES"
                " ('quiz', 'Quiz', 'high', 'sum', 'service', 0, 9, '{all}', 'UTC', now());"
                "SELECT add_to_standings(b, u.id, 7, 1, clock_timestamp()) FROM boards b, users u"
                " WHERE b.key = 'quiz' AND u.username = 'ada';"
                "SELECT add_to_standings(b, u.id, 8, 2, clock_timestamp()) FROM boards b, users u"
                " WHERE b.key = 'quiz' AND u.username = 'bob';"
                "UPDATE users SET status = 'banned' WHERE username = 'bob'"
            )
        )
    migrate_back(url, "0013")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT score, listed FROM standings ORDER BY score"))
        assert [tuple(row) for row in found] == [(7, True), (8, False)]
    engine.dispose()
    migrate(url)
    assert differences(url) == []
