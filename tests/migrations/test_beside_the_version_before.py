"""Each migration leaves the version before it all that it reads and writes (docs/deploy.md)."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from tests.servers import ROOT, DatabaseServer, migrate

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
    """Whether an INSERT that doesn't name it is given a value."""


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


def in_the_way(before: Tables, after: Tables) -> list[str]:
    """What the version before would stumble over."""
    known = {table for table, _ in before}
    found = []
    for name, column in before.items():
        now = after.get(name)
        if now is None or now.kind != column.kind:
            found.append(f"{name} is gone or of another type")
        elif column.nullable and not now.nullable:
            found.append(f"{name} can no longer be null")
        elif column.filled and not (now.filled or now.nullable):
            found.append(f"{name} is no longer filled by itself")
    for name, column in after.items():
        if name not in before and name[0] in known and not (column.nullable or column.filled):
            found.append(f"{name} is new and has to be given")
    return found


def test_no_migration_takes_anything_away_from_the_version_before(postgres: DatabaseServer) -> None:
    url = postgres.create(migrated=False)
    revisions = [each.revision for each in ScriptDirectory(ROOT / "migrations").walk_revisions()]
    before: Tables = {}
    for revision in reversed(revisions):
        migrate(url, revision)
        after = columns(url)
        assert after, revision
        assert in_the_way(before, after) == [], revision
        before = after


def test_what_would_be_in_the_way_is_found() -> None:
    text_column, number = Column("text", True, False), Column("int8", False, True)
    before = {("users", "name"): text_column, ("users", "score"): number}
    assert in_the_way(before, before | {("users", "new"): Column("text", False, False)}) == [
        "('users', 'new') is new and has to be given"
    ]
    assert in_the_way(before, {("users", "score"): Column("int4", False, True)}) == [
        "('users', 'name') is gone or of another type",
        "('users', 'score') is gone or of another type",
    ]
    tightened = {
        ("users", "name"): Column("text", False, False),
        ("users", "score"): Column("int8", False, False),
    }
    assert in_the_way(before, tightened) == [
        "('users', 'name') can no longer be null",
        "('users', 'score') is no longer filled by itself",
    ]
    assert in_the_way(before, before | {("teams", "id"): Column("uuid", False, False)}) == []
