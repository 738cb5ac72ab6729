"""Follows or reads a board, and sends it to its viewers (flow 5)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from app.composition.broadcaster import BroadcasterServices
from app.contract.alerts import AlertKind
from app.contract.channels import ScoreUpdate
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.events import LeaderboardUpdate
from app.contract.standings import MAIN, Board
from app.contract.viewers.board_delta import BoardDelta
from broadcaster.metrics import BROADCAST_SECONDS, COMMIT_TO_SEND_SECONDS
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.encoded_event import EncodedEvent

REREAD_SECONDS = 2.0
"""After this time a board is read also if the messages contain every change since the last read."""
MAX_DELTAS = 1_000
"""Changes between two boards that are followed; after more of them the board is read."""
ALERT_AFTER_SECONDS = 10.0
"""Operators are alerted if the board could not be read for this time."""


class BoardBroadcast:
    """The two steps that a coalescer repeats: read the board that an audience watches, send it.

    A board is not read if the messages since the board before contain all that changed.
    """

    def __init__(self, services: BroadcasterServices, audience: Audience) -> None:
        self._rankings = services.rankings
        self._local_board = services.local_board
        self._alerts = services.alerts
        self._audience = audience
        self._read_at = time.monotonic()
        self._board: Board | None = None
        self._deltas: deque[BoardDelta] = deque(maxlen=MAX_DELTAS)
        self._sent_one = False

    def note(self, update: ScoreUpdate) -> None:
        """A change of the board, which the next read() returns."""
        if update.delta is not None:
            self._deltas.append(update.delta)

    def on_messages_lost(self) -> None:
        """Let the next read() read the board, because changes may not have been noted."""
        self._board = None

    def read(self, version: int) -> Board:
        """The board, if possible at this version or a newer one.

        Raises DatabaseUnavailable or RedisUnavailable.
        """
        watched = self._audience.watched
        if watched == MAIN:
            # Only this method fills the cache of this process, so it never has a newer board.
            self._local_board.clear(version)
        deltas = tuple(self._deltas)
        self._deltas.clear()
        if deltas and (followed := self._follow(deltas, version)):
            self._board = followed
            return followed
        try:
            board = self._rankings.top(watched, version)
        except (DatabaseUnavailable, RedisUnavailable) as error:
            if time.monotonic() - self._read_at >= ALERT_AFTER_SECONDS:
                self._alerts.report(AlertKind.BOARD_NOT_READ, error)
            raise
        self._read_at, self._board = time.monotonic(), board
        return board

    def _follow(self, deltas: Sequence[BoardDelta], version: int) -> Board | None:
        """The board at this version or a newer one from the messages; None if it must be read."""
        if self._board is None or time.monotonic() - self._read_at >= REREAD_SECONDS:
            return None
        board = self._rankings.follow(self._audience.watched, self._board, deltas)
        return board if board is not None and board.version.number >= version else None

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
