"""The SQL functions and views of a migrated database."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import alembic.command
import alembic.config
import psycopg2
from alembic.script import Script, ScriptDirectory

from tools.local.embedded import EmbeddedPostgres

_ROOT = Path(__file__).resolve().parents[2]
_DEFINITIONS = """
SELECT proname AS name, pg_get_functiondef(oid) AS definition
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT relname, format(E'CREATE VIEW %s AS\\n%s', relname, pg_get_viewdef(oid))
    FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace
ORDER BY name, definition
"""
# The letters that migration 15 computes depend on the version of Python.
_COMPUTED = re.compile(r"'[^'\s]{200,}'")


def functions_sections() -> str:
    """One section for each function and view: the migrations that changed it, and its text.

    Starts a PostgreSQL server and runs the migrations one by one, which takes some seconds.
    """
    config = alembic.config.Config(_ROOT / "alembic.ini")
    revisions = list(ScriptDirectory.from_config(config).walk_revisions())[::-1]
    present: dict[str, str] = {}
    changed_by: defaultdict[str, list[Script]] = defaultdict(list)
    with TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder), disposable=True) as server:
        for revision in revisions:
            with patch.dict(os.environ, {"DATABASE_URL": server.url}):
                alembic.command.upgrade(config, revision.revision)
            before, present = present, _definitions(server.url)
            for name in present:
                if present[name] != before.get(name):
                    changed_by[name].append(revision)
    return "\n\n".join(_section(name, present[name], changed_by[name]) for name in present)


def _definitions(database_url: str) -> dict[str, str]:
    """The definition of each function and view by its name; overloaded functions have one name."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with closing(psycopg2.connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute(_DEFINITIONS)
        for name, definition in cursor.fetchall():
            found[name].append(_COMPUTED.sub("'…'", definition).strip().removesuffix(";") + ";")
    return {name: "\n\n".join(definitions) for name, definitions in found.items()}


def _section(name: str, definition: str, changed_by: list[Script]) -> str:
    links = ", ".join(
        f"[{int(each.revision)}](../../{Path(each.path).relative_to(_ROOT)})" for each in changed_by
    )
    return f"### {name}\n\nMigrations: {links}\n\n```sql\n{definition}\n```"
