"""A streaming replica of an embedded PostgreSQL, made by pg_basebackup."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

from tests.support.servers import DatabaseServer
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres
from tools.local.embedded_server import ServerFailed
from tools.local.processes import spawn

CAUGHT_UP_SECONDS = 30.0
"""Long enough for a busy machine; includes the pause before a failed replica is tried again."""


class EmbeddedReplica(EmbeddedPostgres):
    """Replicates `primary`, with its users and passwords, until it is promoted."""

    name = "PostgreSQL's replica"

    def __init__(self, data_dir: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(data_dir, disposable=True)
        self._primary_url = primary.url
        self._password = primary.password_file.read_text().strip()

    def pause_replay(self) -> None:
        """Receive the log of the primary without replaying it."""
        self.ask("SELECT pg_wal_replay_pause()")

    def resume_replay(self) -> None:
        """Undo `pause_replay`."""
        self.ask("SELECT pg_wal_replay_resume()")

    def promote(self) -> None:
        """Become a primary on a new timeline; returns when it is one."""
        assert self.ask("SELECT pg_promote(true, 60)") is True

    def ask(self, statement: str) -> object:
        """The first value of the first row that a statement returns; None if it returns no row."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone()
        connection.close()
        return row[0] if row else None

    def _initialise(self, user: str | None) -> None:
        staging = self.data_dir / "cluster.new"
        shutil.rmtree(staging, ignore_errors=True)
        command: list[str | Path] = [
            *(self._binaries / "pg_basebackup", "--pgdata", staging),
            *("--dbname", self._primary_url, "--write-recovery-conf", "--no-sync"),
            *("--checkpoint=fast", "--wal-method=stream"),
        ]
        with self.log_file.open("ab") as log:
            backup = spawn(command, end_signal=signal.SIGKILL, output=log, user=user)
        if backup.wait() != 0:
            raise ServerFailed(f"pg_basebackup failed ({self.log_file}): {self.last_log_line()}")
        staging.rename(self._cluster)


@dataclass(frozen=True)
class Pair:
    """A primary and its replica."""

    primary: EmbeddedPostgres
    replica: EmbeddedReplica
    databases: DatabaseServer

    def create(self) -> dict[str, str]:
        """The settings for a new database, which exists on the replica too."""
        url = self.databases.create()
        name = url.rpartition("/")[2]
        self.replica.resume_replay()
        found = f"SELECT count(*) FROM pg_database WHERE datname = '{name}'"
        await_true(lambda: self.replica.ask(found) == 1, CAUGHT_UP_SECONDS)
        return {"DATABASE_URL": url, "DATABASE_READ_URL": self.at(self.replica, url)}

    @staticmethod
    def at(server: EmbeddedPostgres, url: str) -> str:
        """The same database on that server."""
        return server.url.rpartition("/")[0] + "/" + url.rpartition("/")[2]


@contextmanager
def replicated(folder: Path) -> Iterator[Pair]:
    """Run a primary and its replica during the block."""
    with EmbeddedPostgres(folder / "primary", disposable=True) as primary:
        databases = DatabaseServer(primary)
        with EmbeddedReplica(folder / "replica", primary) as replica:
            yield Pair(primary, replica, databases)


@contextmanager
def readers_of_users() -> Iterator[list[int | None]]:
    """The ports of the servers on which the block reads users, or the standings of boards."""
    ports: list[int | None] = []

    def note(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        reads = "FROM users" in statement or "FROM standings" in statement
        if reads and not statement.startswith("WITH action"):
            ports.append(connection.engine.url.port)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield ports
    finally:
        event.remove(Engine, "before_cursor_execute", note)
