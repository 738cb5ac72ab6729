"""Turns any number of changes into at most one board an interval, and always sends the latest."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event

from app.contract.alerts import cause_of
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.standings import Board, bounded_version
from broadcaster.board.broadcast_budget import BroadcastBudget

CHECK_SECONDS = 2.0
"""Longest time without a read of the board, so that a lost message delays viewers only briefly."""
MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 0.02, 2.0
NO_VERSION = 0
HINTS = {
    DatabaseUnavailable.code: "Check DATABASE_URL and PostgreSQL",
    RedisUnavailable.code: "Check REDIS_URL and Redis",
}

log = structlog.stdlib.get_logger(__name__)


class Coalescer:
    """Reads and broadcasts the board when its version grows; versions never go backwards.

    `read(version)` returns the board, if possible at that version or a newer one. It may raise
    DatabaseUnavailable or RedisUnavailable. `broadcast` gets only boards that are newer than the
    one before. It returns the CPU seconds that it took, from which `budget` computes the interval.
    """

    def __init__(
        self,
        read: Callable[[int], Board],
        broadcast: Callable[[Board], float],
        budget: BroadcastBudget,
    ) -> None:
        self._read = read
        self._broadcast = broadcast
        self._budget = budget
        self._announced_version = NO_VERSION
        # A process that has seen no version reads version 0 while Redis is unavailable. Such a
        # board is never sent, because viewers that reconnect have seen newer ones.
        self._sent_version = NO_VERSION
        self._next_board_at = 0.0
        self._retry_seconds = MIN_RETRY_SECONDS
        self._wake = Event()
        self._wake.set()
        self._first_sent = Event()
        self._failed_store: type[DatabaseUnavailable | RedisUnavailable] = DatabaseUnavailable
        self._stopped = False

    def announce(self, version: int) -> None:
        """Read the board unless this version was sent; an impossible version only starts a read."""
        bounded = bounded_version(version)
        self._announced_version = max(self._announced_version, bounded)
        if bounded != version or self._announced_version > self._sent_version:
            self._wake.set()

    def check(self) -> None:
        """Read the board, because a message may have been lost."""
        self._wake.set()

    def wait_for_first(self, timeout_seconds: float) -> None:
        """Wait until a board was sent; after the timeout raises the error of the failed store."""
        if not self._first_sent.wait(timeout_seconds):
            raise self._failed_store()

    def stop(self) -> None:
        """End run() soon. A read in progress is completed, or its connection could not be used."""
        self._stopped = True
        self._wake.set()

    def run(self, progress: Callable[[], None]) -> None:
        """Broadcast until stop(): at once after a quiet time, else when the interval is over.

        `progress` is called after each read of the board, also after one that a store failed,
        which BOARD_NOT_READ reports.
        """
        while True:
            self._wake.wait(CHECK_SECONDS)
            gevent.sleep(max(0.0, self._next_board_at - time.monotonic()))
            self._wake.clear()
            if self._stopped:
                return
            advanced = self._advance()
            progress()
            if advanced:
                self._retry_seconds = MIN_RETRY_SECONDS
            else:
                gevent.sleep(self._retry_seconds)
                self._retry_seconds = min(self._retry_seconds * 2, MAX_RETRY_SECONDS)
                self._wake.set()

    def _advance(self) -> bool:
        """Read the board and send it if it is new; False if it has to be read again."""
        # A version that is announced during the read wakes the loop; the read did not fail.
        announced = self._announced_version
        try:
            board = self._read(announced)
        except (DatabaseUnavailable, RedisUnavailable) as error:
            log.warning(
                "board_not_read",
                code=error.code,
                cause=cause_of(error),
                hint=HINTS.get(error.code, ""),
                again_in_seconds=self._retry_seconds,
            )
            self._failed_store = type(error)
            return False
        if board.version.replaces(self._sent_version):
            if board.version.number < self._sent_version:
                self._announced_version = announced = board.version.number
            started = time.monotonic()
            cpu_seconds = self._broadcast(board)
            # Not before, because a board whose broadcast failed has to be sent again.
            self._sent_version = board.version.number
            self._next_board_at = started + self._budget.charge(self, cpu_seconds, started)
            self._first_sent.set()
        elif board.version.number == NO_VERSION:
            # PostgreSQL has the rows, and Redis has no version of them.
            self._failed_store = RedisUnavailable
        return board.version.number >= max(announced, NO_VERSION + 1)
