"""PostgreSQL connections with a deadline of the client's own."""

from __future__ import annotations

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from app.contract.errors import DatabaseUnavailable

CALL_SECONDS = 1.5
"""Longest wait for one answer; with connecting and the rest a request stays under 2 s."""
POOL_WAIT_SECONDS = 1.5


class _TimedConnection(extensions.connection):
    """A connection on which no single call waits longer than deadline_seconds."""

    deadline_seconds: float = CALL_SECONDS


class Database:
    """The engine and its transactions; a failure in one is raised as DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in autocommit, for single statements that only read."""
        with _translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._engine.dispose()


def connect_pool(url: str, size: int) -> Database:
    """A pool of at most `size` connections."""
    return Database(
        create_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_WAIT_SECONDS,
            connect_args={"connection_factory": _TimedConnection},
        )
    )


def connect_unpooled(url: str, deadline_seconds: float) -> Database:
    """A new connection for each use, each call bounded by `deadline_seconds`."""
    factory = type("_Connection", (_TimedConnection,), {"deadline_seconds": deadline_seconds})
    engine = create_engine(url, poolclass=NullPool, connect_args={"connection_factory": factory})
    return Database(engine)


def bound_every_wait() -> None:
    """Make psycopg2 wait with each connection's deadline, in threads and greenlets alike.

    A PostgreSQL stopped by SIGSTOP answers neither statement_timeout nor a cancel; only the
    client's own deadline frees the caller. select.poll is cooperative under gevent's patching.
    """
    extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    # Others' connections (migrations, tests) go through this callback too and may take their time.
    limit = time.monotonic() + getattr(connection, "deadline_seconds", math.inf)
    while (state := connection.poll()) != extensions.POLL_OK:
        event = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        poller = select.poll()
        poller.register(connection.fileno(), event)
        remaining = limit - time.monotonic()
        timeout = None if math.isinf(remaining) else max(0.0, remaining) * 1000
        if not poller.poll(timeout):
            # psycopg2 closes a connection whose wait failed, so its late answer is never misread.
            raise psycopg2.OperationalError("PostgreSQL did not answer in time")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, PoolTimeout) as error:
        raise DatabaseUnavailable() from error
