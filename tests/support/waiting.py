"""Waits for other threads and processes, with a limit instead of a sleep."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psycopg2

Result = TypeVar("Result")


def await_true(condition: Callable[[], object], seconds: float) -> None:
    """Return as soon as the condition holds; fail the test after `seconds`."""
    deadline = time.monotonic() + seconds
    begun = time.monotonic()
    while not condition():
        now = time.monotonic()
        assert now < deadline, f"the condition did not hold within {seconds} s"
        # A condition that makes a request must not occupy a CPU while it is awaited.
        time.sleep(min(max(0.005, 3 * (now - begun)), 0.1))
        begun = time.monotonic()


def run_coroutine(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run it in another thread, because Playwright leaves an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def catches_sigterm(pid: int) -> bool:
    """Whether the process has installed a handler for SIGTERM (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")]
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def is_lock_awaited(database_url: str) -> bool:
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
