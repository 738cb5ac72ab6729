"""PostgreSQL: its pool, its transactions, and what becomes of their failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from app.contract.errors import DatabaseUnavailable, DomainError
from app.stores.circuit_breaker import CircuitBreaker
from app.stores.database_connections import bound_connections

CALL_SECONDS = 1.5
"""Longest wait for one answer; with connecting and the rest a request stays under 2 s."""
POOL_WAIT_SECONDS = 1.5
REPLICA_SECONDS = 0.3
"""The same of a replica: the primary is asked after it, and all within the 2 s."""
REPLICA_BREAK_SECONDS = 2.0


class NotAsked(Exception):
    """PostgreSQL did not answer a moment ago, and somebody else looks whether it does again."""


class Database:
    """The engine and its transactions; a failure in one is raised as DatabaseUnavailable.

    Errors are logged with their statement, so engines hide its parameters: hashes of passwords.
    """

    def __init__(
        self, url: str, deadline_seconds: float, breaker: CircuitBreaker, **pool: Any
    ) -> None:
        self._engine = create_engine(url, hide_parameters=True, **pool)
        self._breaker = breaker
        bound_connections(self._engine, deadline_seconds, self._breaker)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction: committed at the end of the block, rolled back when it raises."""
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in autocommit, for single statements that only read."""
        with self._translated(), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def call(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement, which is a transaction of its own.

        For what every point costs: by psycopg2 alone, since what SQLAlchemy does for a statement
        takes longer than PostgreSQL needs for that one (docs/performance.md).
        """
        with self._translated(), closing(self._engine.raw_connection()) as connection:
            bare: Any = connection.dbapi_connection
            bare.autocommit = True
            try:
                cursor = bare.cursor()
                cursor.execute(statement, values)
                rows: list[tuple[Any, ...]] = cursor.fetchall()
            except BaseException:
                connection.invalidate()
                if bare.closed:
                    # PostgreSQL has gone, so the others in the pool lead nowhere either.
                    self._engine.dispose()
                raise
            bare.autocommit = False
            return rows

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        if not self._breaker.lets_through():
            raise DatabaseUnavailable() from NotAsked("PostgreSQL did not answer a moment ago")
        try:
            yield
        except DomainError:
            # A refusal by what PostgreSQL said.
            self._breaker.close()
            raise
        except (SQLAlchemyError, psycopg2.Error) as error:
            if self._breaker.open:
                # The one that looked again failed in another way; so the next one looks soon.
                self._breaker.trip()
            raise DatabaseUnavailable() from error
        self._breaker.close()


def connect_pool(url: str, size: int) -> Database:
    """A pool of at most `size` connections, which nobody waits for while PostgreSQL is dead."""
    pool = {"pool_size": size, "max_overflow": 0, "pool_timeout": POOL_WAIT_SECONDS}
    return Database(url, CALL_SECONDS, CircuitBreaker(), **pool)


def connect_replica(url: str, size: int) -> Database:
    """A pool for what the primary can be asked instead: quick to give up, slow to try again."""
    pool = {"pool_size": size, "max_overflow": 0, "pool_timeout": REPLICA_SECONDS}
    return Database(url, REPLICA_SECONDS, CircuitBreaker(REPLICA_BREAK_SECONDS), **pool)


def connect_unpooled(url: str, deadline_seconds: float) -> Database:
    """A new connection for each use, each call bounded by `deadline_seconds`."""
    return Database(url, deadline_seconds, CircuitBreaker(0), poolclass=NullPool)
