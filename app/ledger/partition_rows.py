"""The monthly partitions of the actions table: listed, created and detached.

Locks are taken in the order of an increment: users, actions, a partition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from app.ledger.months import add_months
from app.storage.table_locks import TableLock, run_with_locks

# ruff: noqa: S608 - names are made here of months, or come from PostgreSQL's catalog

SETTLED = timedelta(days=1)
"""How long after the end of a month one of its tokens may still be counted."""
DEFAULT = "actions_default"
"""Takes the actions of months without a partition, so that an increment never fails."""
_LOCK_KEY = 7_203_412
_BOUND = "substring(pg_get_expr(relpartbound, oid) from '{} \\(''([^'']+)''\\)')"
_PARTITIONS = text(
    f"SELECT relname, CAST({_BOUND.format('FROM')} AS timestamptz),"
    f" CAST({_BOUND.format('TO')} AS timestamptz) AS upto,"
    " reltuples::bigint, pg_total_relation_size(oid) FROM pg_class JOIN pg_inherits"
    " ON oid = inhrelid WHERE inhparent = CAST('actions' AS regclass)"
    f" AND relname <> '{DEFAULT}' ORDER BY upto"
)
# Attaching and detaching create or drop triggers of the foreign key to users.
_USERS_LOCK = TableLock("users", "SHARE ROW EXCLUSIVE")
_MOVE = (
    "WITH moved AS (DELETE FROM ONLY {default} WHERE issued_at >= '{begin}' AND issued_at < '{end}'"
    " RETURNING *) INSERT INTO {name} SELECT * FROM moved"
)
_ATTACH = "ALTER TABLE actions ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')"
# Carries the sums of the board `main` only: standings of other boards don't depend on acts that
# were counted. The new action looks like the user's last action before the cut. Its nonce is the
# user's id, which no token has. A user can't have two sums in one month, so the nonce is unique.
_CARRY_SUMS = text(
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT user_id, :cut, user_id, total, score_after, greatest(created_at, :cut) FROM ("
    "  SELECT DISTINCT ON (user_id) user_id, sum(points) OVER (PARTITION BY user_id) AS total,"
    "  score_after, created_at FROM actions WHERE issued_at < :cut AND board_id = 0"
    "  ORDER BY user_id, created_at DESC, id DESC"
    " ) AS past WHERE total <> 0 OR score_after <> 0"
)


@dataclass(frozen=True)
class Partition:
    """A partition: the actions whose tokens were issued from `begin` to before `end`."""

    name: str
    begin: datetime | None
    """None: no lower bound."""
    end: datetime
    rows: int
    """PostgreSQL's estimate; -1 if there is none yet."""
    size: int
    """Bytes, with the indexes."""


def partitions(connection: Connection) -> list[Partition]:
    """All monthly partitions, the oldest first."""
    return [
        Partition(name, begin.astimezone(UTC) if begin else None, end.astimezone(UTC), rows, size)
        for name, begin, end, rows, size in connection.execute(_PARTITIONS)
    ]


def ledger_begin(connection: Connection) -> datetime | None:
    """From when on the score at every moment is known; None: no month was ever detached."""
    begin = partitions(connection)[0].begin
    return begin + SETTLED if begin else None


def lock_partitions(connection: Connection, *, wait: bool) -> bool:
    """Keep other processes from changing partitions until the transaction ends.

    False if another one has the lock and `wait` is false.
    """
    # So that PostgreSQL soon notices a killed client and releases its lock.
    connection.execute(text("SET LOCAL client_connection_check_interval = '1s'"))
    if wait:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        return True
    locked = connection.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    return bool(locked.scalar_one())


def attach_months(connection: Connection, months: Sequence[datetime], attempts: int) -> list[str]:
    """Create and attach the partitions of these months; returns their names.

    Rows of these months move from the default partition. Raises SQLAlchemyError if the tables
    could not be locked in that number of attempts.
    """
    names = [f"actions_{month:%Y_%m}" for month in months]
    statements = []
    for name, month in zip(names, months, strict=True):
        connection.execute(text(f"CREATE TABLE {name} (LIKE actions)"))
        values = {"default": DEFAULT, "name": name, "begin": month, "end": add_months(month, 1)}
        statements += [_MOVE.format(**values), _ATTACH.format(**values)]
    locks = [
        _USERS_LOCK,
        TableLock("ONLY actions", "SHARE UPDATE EXCLUSIVE"),
        TableLock(f"ONLY {DEFAULT}", "ACCESS EXCLUSIVE"),
    ]
    run_with_locks(connection, locks, statements, attempts=attempts)
    return names


def rows_in_default(connection: Connection) -> int:
    """The number of actions whose month has no partition."""
    return int(connection.execute(text(f"SELECT count(*) FROM ONLY {DEFAULT}")).scalar_one())


def block_writes(connection: Connection, names: Sequence[str]) -> None:
    """Block writes to these partitions until the transaction ends; reads go on."""
    connection.execute(text(f"LOCK TABLE {_only(names)} IN SHARE MODE"))


def carry_sums(connection: Connection, cut: datetime) -> int:
    """Write each user's sum before the cut as one action at the cut; returns how many."""
    return connection.execute(_CARRY_SUMS, {"cut": cut}).rowcount


def detach(connection: Connection, names: Sequence[str], attempts: int) -> list[str]:
    """Detach these partitions and rename them; returns the names of the resulting plain tables.

    Raises SQLAlchemyError if the tables could not be locked in that number of attempts.
    """
    plain = [f"{name}_detached" for name in names]
    locks = [
        _USERS_LOCK,
        TableLock("ONLY actions", "ACCESS EXCLUSIVE"),
        *(TableLock(f"ONLY {name}", "ACCESS EXCLUSIVE") for name in (*names, DEFAULT)),
    ]
    statements = [
        statement
        for name, detached in zip(names, plain, strict=True)
        for statement in (
            f"ALTER TABLE actions DETACH PARTITION {name}",
            f"ALTER TABLE {name} RENAME TO {detached}",
        )
    ]
    run_with_locks(connection, locks, statements, attempts=attempts)
    return plain


def _only(names: Sequence[str]) -> str:
    return ", ONLY ".join(names)
