"""Turns any number of changes into at most one board an interval, the latest always.

The interval is the one set, or longer where viewers are more than a share of a core can serve.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
import structlog
from gevent.event import Event

from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.standings import Board
from broadcaster.metrics import BROADCAST_INTERVAL

CHECK_SECONDS = 2.0
"""Longest time without a look at the board, so that a lost message leaves nobody behind."""
BROADCAST_SHARE = 0.6
"""Of a core, at most, for broadcasting; the rest is for handshakes and for what viewers send."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 2.0
NO_VERSION = 0

log = structlog.stdlib.get_logger(__name__)


class Coalescer:
    """Reads and publishes a board when its version grew; versions never go backwards.

    `read(version)` gives a board, if it can one of that version or a newer one, and may raise
    DatabaseUnavailable or RedisUnavailable. `publish` gets only boards newer than the one before,
    and returns the seconds of CPU that it took: the more, the longer the next board waits.
    """

    def __init__(
        self,
        read: Callable[[int], Board],
        publish: Callable[[Board], float],
        interval_seconds: float,
    ) -> None:
        self._read = read
        self._publish = publish
        self._interval = interval_seconds
        self._heard = 0
        # What a process that has seen no version reads while Redis is away bears version 0: viewers
        # who come back have seen newer boards.
        self._published = NO_VERSION
        self._next_board_at = 0.0
        self._pause = FIRST_PAUSE
        self._wake = Event()
        self._wake.set()
        self._begun = Event()

    def hear(self, version: int) -> None:
        """The board has this version now."""
        self._heard = max(self._heard, version)
        if self._heard > self._published:
            self._wake.set()

    def look(self) -> None:
        """Something may have been missed."""
        self._wake.set()

    def wait_for_first(self, seconds: float) -> None:
        """Wait until a board was published; raises DatabaseUnavailable when none was in time."""
        if not self._begun.wait(seconds):
            raise DatabaseUnavailable

    def run(self) -> None:
        """Publish for ever: at once after a quiet time, else when the interval is over."""
        while True:
            self._wake.wait(CHECK_SECONDS)
            gevent.sleep(max(0.0, self._next_board_at - time.monotonic()))
            self._wake.clear()
            if self._advance():
                self._pause = FIRST_PAUSE
            else:
                gevent.sleep(self._pause)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                self._wake.set()

    def _advance(self) -> bool:
        """Publish what is new; False where it has to be read again."""
        # What is heard while it is read wakes the loop again; it makes this reading no failure.
        asked = self._heard
        try:
            board = self._read(asked)
        except (DatabaseUnavailable, RedisUnavailable) as error:
            log.warning("board_not_read", code=error.code, again_in_seconds=self._pause)
            return False
        if board.version.number > self._published:
            begun = time.monotonic()
            self._published = board.version.number
            worked = self._publish(board)
            interval = max(self._interval, worked / BROADCAST_SHARE)
            BROADCAST_INTERVAL.set(interval)
            self._next_board_at = begun + interval
            self._begun.set()
        return board.version.number >= max(asked, NO_VERSION + 1)
