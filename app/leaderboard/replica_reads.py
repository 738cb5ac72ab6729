"""PostgreSQL for reads of the board: the replica if it has caught up, else the primary."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, TypeVar

import structlog
from sqlalchemy import Connection

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.keys import MAIN_KEYS, RankingKeys
from app.leaderboard.board_cache import SharedBoard
from app.metrics.counters import REPLICA_READS
from app.storage import wal
from app.storage.database import Database
from app.storage.wal import WalPosition

CATCH_UP_SECONDS, CATCH_UP_POLL_SECONDS = 0.05, 0.005
"""How long a read waits for the replica, which is milliseconds behind a change just published."""
NO_WAIT_SECONDS = 1.0
"""How long no read waits for the replica after one waited and the replica did not catch up."""

Read = TypeVar("Read")
Outcome = Literal["replica", "behind", "unknown", "failed"]
"""What the metric counts: read from the replica, or why the primary was read instead."""

log = structlog.stdlib.get_logger(__name__)


class ReplicaReads:
    """Reads a server that has every change that was published.

    Redis stores, with the board's version, a position in PostgreSQL's log after every published
    change. The replica is read only if it has replayed this position. The primary is read if the
    position is unknown, or if the replica is down, frozen, behind, promoted or on another timeline.
    """

    def __init__(self, primary: Database, replica: Database | None, shared: SharedBoard) -> None:
        self._primary = primary
        self._replica = replica
        self._shared = shared
        self._no_wait_until = 0.0
        self._failing = False

    def read(self, work: Callable[[Connection], Read], names: RankingKeys = MAIN_KEYS) -> Read:
        """The result of `work`, at least as new as all published changes of the ranking.

        `names` are the ranking's keys. `work` may run twice. Raises DatabaseUnavailable.
        """
        position = None
        if self._replica is not None:
            try:
                position = self._shared.wal_position(names)
            except RedisUnavailable:
                position = None
        return self.read_at(position, work)

    def read_at(self, position: WalPosition | None, work: Callable[[Connection], Read]) -> Read:
        """The same, at least as new as `position`; None: read from the primary."""
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
                    self._log_change(failing=False)
            except DatabaseUnavailable as error:
                outcome = "failed"
                self._log_change(failing=True, cause=str(error.__cause__))
            REPLICA_READS.labels(outcome).inc()
            if outcome == "replica":
                return found
        with self._primary.reading() as connection:
            return work(connection)

    def _caught_up(self, connection: Connection, position: WalPosition) -> bool:
        limit = time.monotonic() + CATCH_UP_SECONDS
        while True:
            replayed = wal.replayed_position(connection)
            if replayed is None or not replayed.same_history(position):
                return False
            if replayed.lsn >= position.lsn:
                self._no_wait_until = 0.0
                return True
            now = time.monotonic()
            if now < self._no_wait_until:
                return False
            if now >= limit:
                self._no_wait_until = now + NO_WAIT_SECONDS
                return False
            time.sleep(CATCH_UP_POLL_SECONDS)

    def _log_change(self, *, failing: bool, **details: str) -> None:
        # Only changes, because every read finds the same while the replica is down.
        if failing != self._failing:
            self._failing = failing
            if failing:
                log.warning("replica_lost", **details)
            else:
                log.info("replica_back")


def position_after_commits(database: Database) -> WalPosition | None:
    """A position after everything committed so far; None if the primary can't be read."""
    try:
        return wal.current_position(database)
    except DatabaseUnavailable:
        return None
