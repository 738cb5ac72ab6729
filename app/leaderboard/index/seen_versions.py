"""The highest board versions that this process has seen."""

from __future__ import annotations

import threading

from cachetools import LRUCache

from app.contract.standings import BoardPeriod, BoardVersion, bounded_version

MAX_BOARDS = 4_096


class SeenVersions:
    """The highest version of each board and period, so that none decreases; safe for threads.

    Redis makes a version that is higher than those that its caller has seen, also if it lost the
    version that it had, or if a new period has begun. `main` of all time is in LocalBoard.
    """

    def __init__(self) -> None:
        self._versions: LRUCache[BoardPeriod, int] = LRUCache(MAX_BOARDS)
        self._lock = threading.Lock()

    def highest(self, watched: BoardPeriod) -> int:
        """The highest version seen; 0 if none was."""
        with self._lock:
            return self._versions.get(watched, 0)

    def note(self, watched: BoardPeriod, version: int) -> None:
        """A version that Redis gave to this process, or that a message names."""
        with self._lock:
            known = self._versions.get(watched, 0)
            self._versions[watched] = max(known, bounded_version(version))

    def note_board(self, watched: BoardPeriod, version: BoardVersion) -> None:
        """The version of a board that was read, which may replace one that is impossible."""
        with self._lock:
            if version.replaces(self._versions.get(watched, 0)):
                self._versions[watched] = version.number
