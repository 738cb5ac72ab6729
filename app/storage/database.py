"""PostgreSQL: the connection pool, transactions, and errors as DatabaseUnavailable."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

import psycopg2
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool

from app.concurrency.circuit_breaker import BREAK_SECONDS, CircuitBreaker, ThreadWaits
from app.contract.errors import DatabaseBusy, DatabaseUnavailable, DomainError
from app.storage.database_connections import Connector, DeadlineExceeded
from app.storage.pooled_connections import PooledConnections, sql_state, was_answered

CALL_SECONDS = 1.5
"""Maximum wait for an answer. With connecting and the rest, a request stays under 2 s."""
POOL_WAIT_SECONDS = 1.5
REPLICA_SECONDS = 0.3
"""The same for a replica. The primary may be read afterwards, within the same 2 s."""
REPLICA_BREAK_SECONDS = 2.0
LOCK_TIMEOUT = "55P03"
"""SQLSTATE of a statement that waited for a lock until lock_timeout."""
READ_PROBE_SECONDS = 0.3
"""The limit of a read that tests whether tables are still locked."""
STALLED_SECONDS = 2.0
"""After a write without an answer, a check makes no other write for this time."""
POLL_SECONDS = 0.01
# Needs what an increment needs: the locks of its tables, a server that is not read-only, space on
# the disk of the tables, and a commit that is flushed to disk. Leaves no row behind. The space is
# that of a temporary file (160 kB, more than work_mem), because a row that is rolled back would
# have to be vacuumed.
_CHECK_WRITES = """
DO $check$
BEGIN
    SET LOCAL lock_timeout = '500ms';
    UPDATE users SET score = score WHERE false;
    INSERT INTO actions SELECT * FROM ONLY actions WHERE false;
    SET LOCAL temp_tablespaces = '';
    SET LOCAL work_mem = '64kB';
    PERFORM FROM unnest(array_fill(repeat('x', 8192), ARRAY[20]));
    PERFORM pg_logical_emit_message(true, 'live-scoreboard', 'health');
END $check$
"""


class CircuitOpen(Exception):
    """PostgreSQL did not answer a moment ago. Another caller is probing, or will soon."""


class Database:
    """An engine and its transactions. Every failure is raised as DatabaseUnavailable.

    Errors are logged with their statement but without its parameters, which may be password hashes.
    """

    def __init__(
        self,
        url: str,
        deadline_seconds: float,
        break_seconds: float,
        thread_waits: ThreadWaits | None = None,
        **pool: Any,
    ) -> None:
        self._engine = create_engine(url, hide_parameters=True, **pool)
        self._breaker = CircuitBreaker(break_seconds)
        # Statements of one kind may hang while the others are answered, as writes on a full disk.
        # If all threads waited for them, no request would be answered in time. So each kind has a
        # breaker of its own.
        self._reading, self._writing = (CircuitBreaker(break_seconds) for _ in range(2))
        self._thread_waits = thread_waits or ThreadWaits()
        Connector(self._engine, deadline_seconds, self._breaker, self._thread_waits)
        self._connections = PooledConnections(self._engine, self._breaker)
        self._written_at = self._stalled_at = -math.inf
        self._stall: BaseException | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction, committed at the end of the block and rolled back if the block raises."""
        with self._errors_converted(self._writing), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection in autocommit, for single statements that only read."""
        with self._errors_converted(self._reading), self._engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def call(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement that writes, which is a transaction of its own.

        For the statements of an increment. It uses psycopg2 directly, because SQLAlchemy needs more
        time for such a statement than PostgreSQL does (docs/performance.md).
        """
        with self._errors_converted(self._writing):
            rows = self._run(statement, values)
        self._written_at = time.monotonic()
        return rows

    def query(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The same for a statement of an increment that only reads."""
        with self._errors_converted(self._reading):
            return self._run(statement, values)

    def check(self, *, writable: bool, max_seconds: float) -> None:
        """Raise DatabaseUnavailable if PostgreSQL can't be read or, if asked, written to.

        Asks over a connection of the pool, even while the circuit is open. A write that got no
        answer a moment ago is the result too, because a stalled commit occupies a session.
        """
        if writable and time.monotonic() - self._stalled_at < STALLED_SECONDS:
            raise DatabaseUnavailable() from self._stall
        kind = self._writing if writable else self._reading
        self._thread_waits.max_seconds = max_seconds
        try:
            with self._errors_converted(kind, ask_breakers=False):
                self._run(_CHECK_WRITES if writable else "SELECT 1", {})
        finally:
            self._thread_waits.max_seconds = math.inf

    def await_write(self, since: float, max_seconds: float) -> bool:
        """Whether a call of another thread has written after `since` (monotonic), or soon does."""
        limit = time.monotonic() + max_seconds
        while self._written_at < since and time.monotonic() < limit:
            time.sleep(POLL_SECONDS)
        return self._written_at >= since

    def _run(self, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with closing(self._engine.raw_connection()) as connection:
            bare: Any = connection.dbapi_connection
            bare.autocommit = True
            try:
                cursor = bare.cursor()
                cursor.execute(statement, values)
                rows: list[tuple[Any, ...]] = cursor.fetchall() if cursor.description else []
            except BaseException as error:
                if self._connections.is_lost(bare, error):
                    connection.invalidate()
                else:
                    bare.autocommit = False
                raise
            bare.autocommit = False
            return rows

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._engine.dispose()
        self._breaker.forget_answers()

    @contextmanager
    def _errors_converted(
        self, kind: CircuitBreaker, *, ask_breakers: bool = True
    ) -> Iterator[None]:
        if ask_breakers:
            self._ask_breakers(kind)
        is_read_probe = ask_breakers and kind is self._reading and kind.is_open
        if is_read_probe:
            # The request may have waited for a thread.
            self._thread_waits.max_seconds = READ_PROBE_SECONDS
        try:
            yield
        except DomainError:
            # The caller refused because of what PostgreSQL answered.
            self._note_answer(kind)
            raise
        except (SQLAlchemyError, psycopg2.Error) as error:
            if isinstance(error, PoolTimeout) and not (self._breaker.is_open or kind.is_open):
                raise DatabaseBusy() from error
            self._note_failure(kind, error)
            raise DatabaseUnavailable() from error
        finally:
            if is_read_probe:
                self._thread_waits.max_seconds = math.inf
        self._note_answer(kind)

    def _ask_breakers(self, kind: CircuitBreaker) -> None:
        if not self._breaker.allows_call():
            raise DatabaseUnavailable() from CircuitOpen("PostgreSQL did not answer a moment ago")
        if not kind.allows_call():
            self._breaker.fail_probe()
            raise DatabaseUnavailable() from CircuitOpen("such a call was stalled a moment ago")

    def _note_answer(self, kind: CircuitBreaker) -> None:
        self._breaker.close()
        kind.close()
        if kind is self._writing:
            self._stalled_at = -math.inf

    def _note_failure(self, kind: CircuitBreaker, error: SQLAlchemyError | psycopg2.Error) -> None:
        if was_answered(error):
            self._breaker.close()
        else:
            self._breaker.fail_probe()
        cause = getattr(error, "orig", None) or error
        # Only tables make a read wait for a lock. A write may wait for one row.
        table_locked = kind is self._reading and sql_state(error) == LOCK_TIMEOUT
        if isinstance(cause, DeadlineExceeded) or table_locked:
            kind.trip()
        elif was_answered(error):
            kind.close()
        else:
            kind.fail_probe()
        if kind is self._writing and isinstance(cause, DeadlineExceeded):
            self._stalled_at, self._stall = time.monotonic(), cause


def connect_pool(url: str, size: int, thread_waits: ThreadWaits) -> Database:
    """A pool of at most `size` connections. No caller waits for one while PostgreSQL is down.

    `thread_waits` tells how long the calling thread has waited for Redis.
    """
    pool: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "pool_timeout": POOL_WAIT_SECONDS}
    return Database(url, CALL_SECONDS, BREAK_SECONDS, thread_waits, **pool)


def connect_replica(url: str, size: int) -> Database:
    """A pool for reads that the primary can do instead: short waits, and long breaks."""
    pool: dict[str, Any] = {"pool_size": size, "max_overflow": 0, "pool_timeout": REPLICA_SECONDS}
    return Database(url, REPLICA_SECONDS, REPLICA_BREAK_SECONDS, **pool)


def connect_unpooled(url: str, deadline_seconds: float) -> Database:
    """A new connection for each use; no call waits longer than `deadline_seconds`."""
    return Database(url, deadline_seconds, 0, poolclass=NullPool)
