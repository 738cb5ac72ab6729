"""What happened during a replay, counted by many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tools.replaying.api import TOO_MANY_REQUESTS, Reply


class Tally:
    """Counts answers and progress; `changed` is called under its lock after each change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.changed: Callable[[], object] = lambda: None
        self.registered = 0
        self.points = 0
        self.limit_waits = 0
        """429s."""
        self.failures = 0
        """Answers that were lost or 5xx."""
        self.flagged: set[str] = set()
        """Players that were warned of playing too fast."""
        self.board_version: int | None = None
        """The newest that an increment was told."""

    def heard(self, player: str, reply: Reply) -> None:
        """An answer to this player's request."""
        with self._lock:
            self.limit_waits += reply.status == TOO_MANY_REQUESTS
            self.failures += reply.uncertain
            if "warning" in reply.body:
                self.flagged.add(player)
            self.changed()

    def player_registered(self) -> None:
        """One more player is on the system."""
        with self._lock:
            self.registered += 1
            self.changed()

    def point_counted(self, board_version: int | None) -> None:
        """One more point is in the database."""
        with self._lock:
            self.points += 1
            if board_version is not None:
                self.board_version = max(self.board_version or 0, board_version)
            self.changed()
