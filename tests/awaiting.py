"""Waiting for what other threads and processes do, with a limit instead of a sleep."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import psycopg2


def await_true(condition: Callable[[], object], seconds: float) -> None:
    """Return as soon as the condition holds; fails the test when it doesn't within `seconds`."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"it did not come true within {seconds} s"
        time.sleep(0.005)


def catches_sigterm(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM by now (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def somebody_waits_for_a_lock(database_url: str) -> bool:
    """Whether a statement in that database waits for another transaction."""
    connection = psycopg2.connect(database_url)
    with connection.cursor() as cursor:
        cursor.execute(
            "select 1 from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        waits = cursor.fetchone() is not None
    connection.close()
    return waits
