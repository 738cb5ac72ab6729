"""Schema changes of tables that are in use; migrations and the partitions of the ledger use it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from sqlalchemy import Connection

LockMode = Literal["SHARE UPDATE EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"]

MIGRATION_ATTEMPTS = 600
"""Ten minutes, after which the operator has to find out which transaction holds the table."""

# Every request for a table queues behind a lock that is waited for, so the wait is short, and the
# locks are released before the next attempt. A request's own lock_timeout is longer than the wait.
#
# Autovacuum gives its lock up only to a session that has waited for a second. SHARE UPDATE
# EXCLUSIVE conflicts with autovacuum and not with reads and writes, so waiting for this mode
# delays no request.
_STEP = """
DO $step$
DECLARE
    previous_timeout text := current_setting('lock_timeout');
BEGIN
    FOR attempt IN 1..{attempts} LOOP
        BEGIN
            SET LOCAL lock_timeout = '1200ms';
            {autovacuum_locks}
            SET LOCAL lock_timeout = '400ms';
            {locks}
            {statements}
            PERFORM set_config('lock_timeout', previous_timeout, true);
            RETURN;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            IF attempt = {attempts} THEN
                RAISE lock_not_available USING
                    MESSAGE = 'could not lock {tables} in {attempts} attempts: ' || SQLERRM,
                    HINT = 'Try again when no long transaction uses these tables.';
            END IF;
            PERFORM pg_sleep(0.6);
        END;
    END LOOP;
END $step$
"""


class TableLock(NamedTuple):
    """A lock that a step needs."""

    table: str
    """May begin with ONLY, which leaves the partitions of the table unlocked."""
    mode: LockMode


def run_with_locks(
    connection: Connection,
    locks: Sequence[TableLock],
    statements: Iterable[str] = (),
    *,
    attempts: int = MIGRATION_ATTEMPTS,
) -> None:
    """Take all locks, then run the statements; retry all of it if a lock is not free at once.

    The locks are held until the transaction ends. Order them as requests take them: users, actions,
    a partition. Name the strongest mode that the statements need, also for tables that PostgreSQL
    locks implicitly (ATTACH PARTITION may lock the tables of foreign keys): a mode that is raised
    later can deadlock with a request. No more than one attempt fails because of it, but it delays
    requests. Raises sqlalchemy.exc.OperationalError (SQLSTATE 55P03) after the last attempt.
    """
    connection.exec_driver_sql(
        _STEP.format(
            attempts=attempts,
            tables=", ".join(lock.table for lock in locks),
            autovacuum_locks=_lock_statements(
                lock._replace(mode="SHARE UPDATE EXCLUSIVE") for lock in locks
            ),
            locks=_lock_statements(locks),
            statements="".join(f"{statement};\n" for statement in statements),
        )
    )


def _lock_statements(locks: Iterable[TableLock]) -> str:
    return "\n".join(f"LOCK TABLE {lock.table} IN {lock.mode} MODE;" for lock in locks)
