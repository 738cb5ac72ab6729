"""A pool of connections to PostgreSQL of which a given number are open."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from app.storage.database import Database


def fill_pool(database: Database, number: int) -> set[int]:
    """Open that many connections; returns the ids of their server processes."""
    all_open = threading.Barrier(number)

    def connect(_: int) -> int:
        with database.reading() as connection:
            process_id = int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
            all_open.wait(10)
        return process_id

    with ThreadPoolExecutor(number) as threads:
        found = set(threads.map(connect, range(number)))
    assert len(found) == number
    return found
