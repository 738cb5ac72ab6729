"""Counters of a replay, used by many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from clients.python.live_scoreboard_client import ApiError, RequestFailed
from tools.replayer.retry_policy import is_rate_limit


class Tally:
    """Counts failed calls and progress.

    Calls `on_change` after each change, while it holds its lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.on_change: Callable[[], object] = lambda: None
        self.registered = 0
        self.points = 0
        self.limit_waits = 0
        """Replies with status 429."""
        self.failures = 0
        """Calls that the client gave up after a lost reply or a status of 500 or more."""
        self.flagged: set[str] = set()
        """Players whose replies had a fraud warning."""
        self.board_version: int | None = None
        """The newest in a reply to an increment."""
        self.repeated = 0
        """Points that an earlier replay with the same run had scored."""

    def call_failed(self, player: str, error: RequestFailed) -> None:
        """Count a failed call of this player."""
        with self._lock:
            self.limit_waits += is_rate_limit(error)
            self.failures += error.uncertain
            if isinstance(error, ApiError) and error.warning is not None:
                self.flagged.add(player)
            self.on_change()

    def player_flagged(self, player: str) -> None:
        """Count a player whose reply had a fraud warning."""
        with self._lock:
            self.flagged.add(player)
            self.on_change()

    def player_registered(self) -> None:
        """Count a registered player."""
        with self._lock:
            self.registered += 1
            self.on_change()

    def point_counted(self, board_version: int | None) -> None:
        """Count a point that the server has counted."""
        with self._lock:
            self.points += 1
            if board_version is not None:
                self.board_version = max(self.board_version or 0, board_version)
            self.on_change()

    def act_counted(self, points: int, *, repeated: bool) -> None:
        """Count a service's act that the server has counted, now or before."""
        with self._lock:
            self.points += points
            self.repeated += points if repeated else 0
            self.on_change()
