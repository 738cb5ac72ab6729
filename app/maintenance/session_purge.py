"""Deletes sessions that have expired, a bounded number at a time."""

from __future__ import annotations

import time

import structlog

from app.accounts import session_rows
from app.contract.errors import DatabaseUnavailable
from app.metrics.counters import SESSIONS_PURGED
from app.storage.database import Database

CHUNK_SIZE = 1_000
"""Sessions that one step examines, in one transaction of some milliseconds."""
PURGE_INTERVAL_SECONDS = 3600.0
"""Pause after all sessions were examined."""
SPARE_SECONDS = 60
"""An expired session stays for this time longer, because clocks of processes differ."""

log = structlog.stdlib.get_logger(__name__)


class SessionPurge:
    """Examines all sessions once an hour in the order of their ids, one chunk for each step.

    The order needs no index of expiry times, which each refresh would have to write.
    """

    def __init__(self, database: Database, access_token_seconds: int) -> None:
        """`access_token_seconds`: a token may be valid for this time after its session expired."""
        self._database = database
        self._retention_seconds = access_token_seconds + SPARE_SECONDS
        self._next_purge_at = 0.0
        self._examined_until: str | None = None

    def step_if_due(self) -> None:
        """Examine the next chunk; a failure is logged, and the chunk is repeated an hour later."""
        if time.monotonic() < self._next_purge_at:
            return
        try:
            with self._database.transaction() as connection:
                chunk = session_rows.purge(
                    connection, self._examined_until, CHUNK_SIZE, self._retention_seconds
                )
        except DatabaseUnavailable as error:
            log.warning("sessions_not_purged", cause=str(error.__cause__ or error))
            self._next_purge_at = time.monotonic() + PURGE_INTERVAL_SECONDS
            return
        SESSIONS_PURGED.inc(chunk.purged)
        self._examined_until = chunk.last_id
        if chunk.last_id is None:
            self._next_purge_at = time.monotonic() + PURGE_INTERVAL_SECONDS
