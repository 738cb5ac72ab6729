"""PostgreSQL and Valkey for one test run, and new databases in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import alembic.command
import alembic.config
import psycopg2
import redis
from psycopg2 import sql

from tests.support.environment import base_environment
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
_TEMPLATE = "migrated"
_MEMORY, _MEMORY_BYTES = Path("/dev/shm"), 8 * 1024**3
"""A folder in memory, and the free space that the databases of a run need at most."""


@dataclass(frozen=True)
class Stores:
    """A database and a Redis for one test."""

    database_url: str
    redis_url: str


class DatabaseServer:
    """A PostgreSQL with a migrated database, of which each test gets a copy."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._numbers = count(1)
        # Kept, because each test makes and drops a database.
        self._connection = psycopg2.connect(server.url)
        self._connection.autocommit = True
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrate(self.url(_TEMPLATE))

    def url(self, name: str) -> str:
        """The URL of that database."""
        return self._server.url.rpartition("/")[0] + "/" + name

    def create(self, *, migrated: bool = True) -> str:
        """The URL of a new database, migrated or empty."""
        name = f"test_{next(self._numbers)}"
        template = _TEMPLATE if migrated else "template1"
        # The copy of files takes 10 ms, that by PostgreSQL's log 13 ms.
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete a database, also while it has connections."""
        name = sql.Identifier(url.rpartition("/")[2])
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def create_in_unicode_locale(self) -> str:
        """The URL of a new, empty database whose lower() changes letters of every script."""
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL(
            "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
            " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'PG_UNICODE_FAST'"
        )
        self._execute(statement.format(sql.Identifier(name)))
        return self.url(name)

    @contextmanager
    def closed(self, url: str) -> Iterator[None]:
        """End all connections to a database and allow no new ones during the block."""
        name = url.rpartition("/")[2]
        allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
        self._execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        self._execute(sql.SQL(end).format(sql.Literal(name)))
        try:
            yield
        finally:
            self._execute(allow.format(sql.Identifier(name), sql.Literal(True)))

    def _execute(self, statement: sql.Composed) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


def migrate(database_url: str, revision: str = "head") -> None:
    """Upgrade a database to a revision, as the Procfile's release does."""
    _alembic(alembic.command.upgrade, database_url, revision)


def migrate_back(database_url: str, revision: str = "base") -> None:
    """Downgrade a database to a revision."""
    _alembic(alembic.command.downgrade, database_url, revision)


def _alembic(command: Callable[..., None], database_url: str, revision: str) -> None:
    config = alembic.config.Config(ROOT / "alembic.ini")
    variables = base_environment() | {"DATABASE_URL": database_url, "REDIS_URL": "redis://unused"}
    with patch.dict("os.environ", variables):
        command(config, revision)


@contextmanager
def store_folder() -> Iterator[Path]:
    """A folder for a disposable PostgreSQL, in memory if there is enough of it.

    Each test copies a database, which takes 20 ms in memory and 200 ms on a disk that others use.
    It is not pytest's folder, which another run closes to the user that runs PostgreSQL.
    """
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _MEMORY_BYTES
    with TemporaryDirectory(prefix="scoreboard-", dir=_MEMORY if in_memory else None) as folder:
        yield Path(folder)


@contextmanager
def database_server(data_dir: Path) -> Iterator[DatabaseServer]:
    """A disposable PostgreSQL that runs during the block."""
    with EmbeddedPostgres(data_dir, disposable=True) as server:
        yield DatabaseServer(server)


@contextmanager
def redis_server(data_dir: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey without persistence that runs during the block."""
    with EmbeddedValkey(data_dir) as server:
        yield server


def empty(redis_url: str) -> None:
    """Delete all data in that Redis."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
