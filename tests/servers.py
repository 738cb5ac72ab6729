"""Throw-away PostgreSQL and Valkey for one test run, and fresh databases in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from unittest.mock import patch

import alembic.command
import alembic.config
import psycopg2
import redis
from psycopg2 import sql

from tests.environment import base_environment
from tools.embedded import EmbeddedPostgres, EmbeddedValkey

ROOT = Path(__file__).parent.parent
_TEMPLATE = "migrated"


@dataclass(frozen=True)
class Stores:
    """A database and a Redis that nobody else uses."""

    database_url: str
    redis_url: str


class DatabaseServer:
    """One PostgreSQL; each test gets a copy of a migrated database."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._numbers = count(1)
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        migrate(self.url(_TEMPLATE))

    def url(self, name: str) -> str:
        """Where that database is."""
        return self._server.url.rpartition("/")[0] + "/" + name

    def create(self, *, migrated: bool = True) -> str:
        """The URL of a new database, migrated or empty."""
        name = f"test_{next(self._numbers)}"
        template = _TEMPLATE if migrated else "template1"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def _execute(self, statement: sql.Composed) -> None:
        connection = psycopg2.connect(self._server.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()


def migrate(database_url: str, revision: str = "head") -> None:
    """Bring a database up to a revision, as the Procfile's release does."""
    _alembic(alembic.command.upgrade, database_url, revision)


def migrate_back(database_url: str, revision: str = "base") -> None:
    """Bring a database back to a revision."""
    _alembic(alembic.command.downgrade, database_url, revision)


def _alembic(command: Callable[..., None], database_url: str, revision: str) -> None:
    config = alembic.config.Config(ROOT / "alembic.ini")
    variables = base_environment() | {"DATABASE_URL": database_url, "REDIS_URL": "redis://unused"}
    with patch.dict("os.environ", variables):
        command(config, revision)


@contextmanager
def database_server(data_dir: Path) -> Iterator[DatabaseServer]:
    """A PostgreSQL without fsync, for as long as the block runs."""
    with EmbeddedPostgres(data_dir, fsync=False) as server:
        yield DatabaseServer(server)


@contextmanager
def redis_server(data_dir: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that keeps nothing."""
    with EmbeddedValkey(data_dir) as server:
        yield server


def empty(redis_url: str) -> None:
    """Forget everything in that Redis."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
