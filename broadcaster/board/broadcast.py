"""Reads a board and sends it to its viewers (flow 5)."""

from __future__ import annotations

import time

from app.composition.broadcaster import BroadcasterServices
from app.contract.alerts import AlertKind
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.events import LeaderboardUpdate
from app.contract.standings import MAIN, Board
from broadcaster.metrics import BROADCAST_SECONDS, COMMIT_TO_SEND_SECONDS
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent

ALERT_AFTER_SECONDS = 10.0
"""Operators are alerted if the board could not be read for this time."""


class BoardBroadcast:
    """The two steps that a coalescer repeats: read the board that an audience watches, send it."""

    def __init__(self, services: BroadcasterServices, audience: Audience) -> None:
        self._rankings = services.rankings
        self._local_board = services.local_board
        self._alerts = services.alerts
        self._audience = audience
        self._read_at = time.monotonic()
        self._sent_one = False

    def read(self, version: int) -> Board:
        """The board, if possible at this version or a newer one.

        Raises DatabaseUnavailable or RedisUnavailable.
        """
        watched = self._audience.watched
        if watched == MAIN:
            # This process reads it only here, so what its own cache holds is never news.
            self._local_board.clear(version)
        try:
            board = self._rankings.top(watched, version)
        except (DatabaseUnavailable, RedisUnavailable) as error:
            if time.monotonic() - self._read_at >= ALERT_AFTER_SECONDS:
                self._alerts.report(AlertKind.BOARD_NOT_READ, error)
            raise
        self._read_at = time.monotonic()
        return board

    def send(self, board: Board) -> float:
        """Send the board to all viewers; returns the CPU seconds that it took."""
        event = LeaderboardUpdate(board, self._audience.watched)
        with BROADCAST_SECONDS.time():
            cpu_seconds = self._audience.broadcast(EncodedEvent(event, board.version.number))
        # The first board may be a day old, and a board whose version comes from a rebuild belongs
        # to no commit: neither is a delay.
        if self._sent_one and board.version.committed_at:
            delay = time.time() - board.version.committed_at / 1000
            COMMIT_TO_SEND_SECONDS.observe(max(0.0, delay))
        self._sent_one = True
        return cpu_seconds
