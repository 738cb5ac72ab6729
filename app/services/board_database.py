"""PostgreSQL for readers of the board: a replica that has caught up, else the primary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

import structlog
from sqlalchemy import Connection

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.metrics import REPLICA_READS
from app.stores import wal
from app.stores.board_cache import SharedBoard
from app.stores.database import Database
from app.stores.wal import WalPosition

CATCH_UP_SECONDS, CATCH_UP_POLL_SECONDS = 0.05, 0.005
"""How long a replica is waited for: it is some milliseconds behind a change just announced."""
HURRY_SECONDS = 1.0
"""How long nobody waits for a replica that was waited for in vain."""

Read = TypeVar("Read")
Outcome = Literal["replica", "behind", "unknown", "failed"]

log = structlog.stdlib.get_logger(__name__)


class BoardDatabase:
    """Reads go where everything is that a reader of the board may have been told of.

    With the board's version Redis keeps the position in PostgreSQL's log behind every change that
    was announced. Only a replica that has replayed it is read. Where the position is not known, or
    the replica is away, frozen, behind, promoted or of another timeline, the primary is read.
    """

    def __init__(self, primary: Database, replica: Database | None, shared: SharedBoard) -> None:
        self._primary = primary
        self._replica = replica
        self._shared = shared
        self._hurried_until = 0.0
        self._failing = False

    def read(self, work: Callable[[Connection], Read]) -> Read:
        """What `work` reads, at least as new as all that is announced; may be called twice.

        Raises DatabaseUnavailable.
        """
        position = None
        if self._replica is not None:
            try:
                position = self._shared.wal_position()
            except RedisUnavailable:
                position = None
        return self.read_at(position, work)

    def read_at(self, position: WalPosition | None, work: Callable[[Connection], Read]) -> Read:
        """The same, at least as new as `position`; None: by the primary."""
        if self._replica is not None:
            try:
                if position is None:
                    outcome: Outcome = "unknown"
                else:
                    with self._replica.reading() as connection:
                        if self._caught_up(connection, position):
                            found = work(connection)
                            outcome = "replica"
                        else:
                            outcome = "behind"
                    self._note(failing=False)
            except DatabaseUnavailable as error:
                outcome = "failed"
                self._note(failing=True, cause=str(error.__cause__))
            REPLICA_READS.labels(outcome).inc()
            if outcome == "replica":
                return found
        with self._primary.reading() as connection:
            return work(connection)

    def _caught_up(self, connection: Connection, position: WalPosition) -> bool:
        limit = time.monotonic() + CATCH_UP_SECONDS
        while True:
            replayed = wal.replayed(connection)
            if replayed is None or not replayed.same_history(position):
                return False
            if replayed.lsn >= position.lsn:
                self._hurried_until = 0.0
                return True
            now = time.monotonic()
            if now < self._hurried_until:
                return False
            if now >= limit:
                self._hurried_until = now + HURRY_SECONDS
                return False
            time.sleep(CATCH_UP_POLL_SECONDS)

    def _note(self, *, failing: bool, **details: str) -> None:
        # Once each way: while it is away every reader finds it so.
        if failing != self._failing:
            self._failing = failing
            if failing:
                log.warning("replica_lost", **details)
            else:
                log.info("replica_back")


def position_after_commits(database: Database) -> WalPosition | None:
    """A position behind everything committed by now; None where the primary can't say."""
    try:
        return wal.written(database)
    except DatabaseUnavailable:
        return None
