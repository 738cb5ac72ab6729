"""The version before each migration can still read and write (docs/deploy.md)."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tests.support.servers import ROOT, DatabaseServer, migrate

pytestmark = pytest.mark.slow

COLUMNS = text(
    "SELECT table_name, column_name, udt_name, is_nullable = 'YES' AS nullable,"
    " column_default IS NOT NULL OR is_identity = 'YES' OR is_generated = 'ALWAYS' AS filled"
    " FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
)


class Column(NamedTuple):
    kind: str
    nullable: bool
    filled: bool
    """Whether an INSERT without this column gets a value."""


Tables = dict[tuple[str, str], Column]


def columns(url: str) -> Tables:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        found = {
            (row.table_name, row.column_name): Column(row.udt_name, row.nullable, row.filled)
            for row in connection.execute(COLUMNS)
        }
    engine.dispose()
    return found


def obstacles(before: Tables, after: Tables) -> list[str]:
    """Changes with which the version before would fail."""
    known = {table for table, _ in before}
    found = []
    for name, column in before.items():
        now = after.get(name)
        if now is None or now.kind != column.kind:
            found.append(f"{name} is gone or has another type")
        elif column.nullable and not now.nullable:
            found.append(f"{name} can no longer be null")
        elif column.filled and not (now.filled or now.nullable):
            found.append(f"{name} no longer has a default")
    for name, column in after.items():
        if name not in before and name[0] in known and not (column.nullable or column.filled):
            found.append(f"{name} is new and has no default")
    return found


def test_no_migration_breaks_the_version_before(postgres: DatabaseServer) -> None:
    url = postgres.create(migrated=False)
    revisions = [each.revision for each in ScriptDirectory(ROOT / "migrations").walk_revisions()]
    before: Tables = {}
    for revision in reversed(revisions):
        migrate(url, revision)
        after = columns(url)
        assert after, revision
        assert obstacles(before, after) == [], revision
        before = after


def test_obstacles_are_found() -> None:
    text_column, number = Column("text", True, False), Column("int8", False, True)
    before = {("users", "name"): text_column, ("users", "score"): number}
    assert obstacles(before, before | {("users", "new"): Column("text", False, False)}) == [
        "('users', 'new') is new and has no default"
    ]
    assert obstacles(before, {("users", "score"): Column("int4", False, True)}) == [
        "('users', 'name') is gone or has another type",
        "('users', 'score') is gone or has another type",
    ]
    tightened = {
        ("users", "name"): Column("text", False, False),
        ("users", "score"): Column("int8", False, False),
    }
    assert obstacles(before, tightened) == [
        "('users', 'name') can no longer be null",
        "('users', 'score') no longer has a default",
    ]
    assert obstacles(before, before | {("teams", "id"): Column("uuid", False, False)}) == []
