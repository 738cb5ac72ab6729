"""The months of the actions table: which there are, made ready, and detached.

Locks are taken in the order of an increment: users, then actions, then a partition. The tables'
own are held for milliseconds and never waited for long, since everybody queues behind who waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, text

from app.stores.months import later

# ruff: noqa: S608 - names are made here of months, or come from PostgreSQL's catalog

SETTLED = timedelta(days=1)
"""So long after the end of a month none of its tokens can be counted any more."""
DEFAULT = "actions_default"
"""Takes what no month was prepared for, so that an increment never fails for that."""
_TURN = 7_203_412
_BOUND = "substring(pg_get_expr(relpartbound, oid) from '{} \\(''([^'']+)''\\)')"
_PARTITIONS = text(
    f"SELECT relname, CAST({_BOUND.format('FROM')} AS timestamptz),"
    f" CAST({_BOUND.format('TO')} AS timestamptz) AS upto,"
    " reltuples::bigint, pg_total_relation_size(oid) FROM pg_class JOIN pg_inherits"
    " ON oid = inhrelid WHERE inhparent = CAST('actions' AS regclass)"
    f" AND relname <> '{DEFAULT}' ORDER BY upto"
)
# With the lock of users a foreign key is made and unmade; autovacuum gives way after a second.
_LOCK = """
DO $lock$ BEGIN
    FOR attempt IN 1..{attempts} LOOP
        BEGIN
            SET LOCAL lock_timeout = '400ms';
            LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
            LOCK TABLE ONLY actions IN {mode} MODE;
            SET LOCAL lock_timeout = '1100ms';
            LOCK TABLE ONLY {partitions} IN ACCESS EXCLUSIVE MODE;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = {attempts} THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.6);
        END;
    END LOOP;
END $lock$
"""
_MOVE = (
    "WITH moved AS (DELETE FROM ONLY {default} WHERE issued_at >= '{begin}' AND issued_at < '{end}'"
    " RETURNING *) INSERT INTO {name} SELECT * FROM moved"
)
_ATTACH = "ALTER TABLE actions ATTACH PARTITION {name} FOR VALUES FROM ('{begin}') TO ('{end}')"
# As the last action before the cut left it. The user's id for a nonce: no token has it, and no
# two sums of one user can be carried to the same month.
_CARRY = text(
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT user_id, :cut, user_id, total, score_after, greatest(created_at, :cut) FROM ("
    "  SELECT DISTINCT ON (user_id) user_id, sum(points) OVER (PARTITION BY user_id) AS total,"
    "  score_after, created_at FROM actions WHERE issued_at < :cut"
    "  ORDER BY user_id, created_at DESC, id DESC"
    " ) AS past WHERE total <> 0 OR score_after <> 0"
)


@dataclass(frozen=True)
class Partition:
    """One table of actions, of the tokens issued from `begin` up to `end`."""

    name: str
    begin: datetime | None
    """None: from the beginning."""
    end: datetime
    rows: int
    """By PostgreSQL's estimate; -1 before there is one."""
    size: int
    """Bytes, with the indexes."""


def partitions(connection: Connection) -> list[Partition]:
    """All months that are prepared, the oldest first."""
    return [
        Partition(name, begin.astimezone(UTC) if begin else None, end.astimezone(UTC), rows, size)
        for name, begin, end, rows, size in connection.execute(_PARTITIONS)
    ]


def ledger_begin(connection: Connection) -> datetime | None:
    """From when on the score at each moment can be told; None: nothing was ever detached."""
    begin = partitions(connection)[0].begin
    return begin + SETTLED if begin else None


def take_turn(connection: Connection, *, wait: bool) -> bool:
    """Be the only one at the partitions until the transaction's end; False: another one is.

    PostgreSQL gives up soon what a client that was killed had begun.
    """
    connection.execute(text("SET LOCAL client_connection_check_interval = '1s'"))
    if wait:
        connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
        return True
    locked = connection.execute(text("SELECT pg_try_advisory_xact_lock(:turn)"), {"turn": _TURN})
    return bool(locked.scalar_one())


def attach_months(connection: Connection, months: Sequence[datetime], attempts: int) -> list[str]:
    """Make these months ready, with what the default partition had of them; their names."""
    names = [f"actions_{month:%Y_%m}" for month in months]
    for name in names:
        connection.execute(text(f"CREATE TABLE {name} (LIKE actions)"))
    _lock(connection, "SHARE UPDATE EXCLUSIVE", [DEFAULT], attempts)
    for name, month in zip(names, months, strict=True):
        values = {"default": DEFAULT, "name": name, "begin": month, "end": later(month, 1)}
        connection.exec_driver_sql(_MOVE.format(**values))
        connection.exec_driver_sql(_ATTACH.format(**values))
    return names


def outside(connection: Connection) -> int:
    """How many actions are of no month that is prepared."""
    return int(connection.execute(text(f"SELECT count(*) FROM ONLY {DEFAULT}")).scalar_one())


def hold(connection: Connection, names: Sequence[str]) -> None:
    """Let nobody write to these partitions until the end of the transaction; reading goes on."""
    connection.execute(text(f"LOCK TABLE {_only(names)} IN SHARE MODE"))


def carry(connection: Connection, cut: datetime) -> int:
    """Write each user's sum of all actions before the cut as one at the cut; how many."""
    return connection.execute(_CARRY, {"cut": cut}).rowcount


def detach(connection: Connection, names: Sequence[str], attempts: int) -> list[str]:
    """Take these partitions out of the ledger; the names that they have as plain tables."""
    _lock(connection, "ACCESS EXCLUSIVE", [*names, DEFAULT], attempts)
    plain = [f"{name}_detached" for name in names]
    for name, detached in zip(names, plain, strict=True):
        connection.execute(text(f"ALTER TABLE actions DETACH PARTITION {name}"))
        connection.execute(text(f"ALTER TABLE {name} RENAME TO {detached}"))
    return plain


def _lock(
    connection: Connection,
    mode: Literal["ACCESS EXCLUSIVE", "SHARE UPDATE EXCLUSIVE"],
    names: Sequence[str],
    attempts: int,
) -> None:
    words = {"mode": mode, "partitions": _only(names), "attempts": attempts}
    connection.exec_driver_sql(_LOCK.format(**words))


def _only(names: Sequence[str]) -> str:
    return ", ONLY ".join(names)
