"""Boards as this process knows them, which may be a second old."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from cachetools import LRUCache, TTLCache

from app.boards.board import Board
from app.boards.boards import Boards
from app.contract.errors import NotFound
from app.contract.standings import MAIN, BoardPeriod

MAX_AGE_SECONDS = 1.0
"""The rules of a board never change; its title and state reach readers after this time."""
MAX_BOARDS = 1_000
MAX_OFFERED = 100
MAX_FOUND = 10_000


class KnownBoards:
    """Finds boards for reads of their standings, with at most one query a second for each board."""

    def __init__(self, boards: Boards) -> None:
        self._boards = boards
        self._known: TTLCache[str, Board] = TTLCache(MAX_BOARDS, MAX_AGE_SECONDS)
        self._offered: TTLCache[str, tuple[Board, ...]] = TTLCache(1, MAX_AGE_SECONDS)
        self._found: LRUCache[str, Board] = LRUCache(MAX_FOUND)
        self._lock = threading.Lock()

    def offered(self) -> tuple[Board, ...]:
        """The first boards by key that are not archived; raises DatabaseUnavailable."""
        with self._lock:
            offered = self._offered.get("")
        if offered is None:
            offered = tuple(self._boards.page("", MAX_OFFERED)[0])
            with self._lock:
                self._offered[""] = offered
        return offered

    def has_found(self, key: str) -> bool:
        """Whether this process has found the board before; boards are never deleted."""
        with self._lock:
            return key in self._found

    def found(self, key: str) -> Board:
        """The board as it was found last; raises NotFound and DatabaseUnavailable.

        Its rules never change; title, clock, state and further periods of `main` may have changed.
        """
        with self._lock:
            board = self._found.get(key)
        return board or self.find(key)

    def find(self, key: str) -> Board:
        """The board with that key; raises NotFound and DatabaseUnavailable."""
        with self._lock:
            board = self._known.get(key)
        if board is None:
            # A board that does not exist yet may exist a moment later, so only boards are stored.
            board = self._boards.find(key)
            self._note([board])
        return board

    def find_all(self, keys: Sequence[str]) -> dict[str, Board]:
        """The boards of these keys as they are now, in one query; raises DatabaseUnavailable."""
        boards = self._boards.find_all(keys)
        self._note(boards.values())
        return boards

    def board_period(self, key: str, period: str | None) -> BoardPeriod:
        """The board and period that a viewer names; without a period, the board's first.

        Raises NotFound and DatabaseUnavailable.
        """
        if key == MAIN.board and period in {None, MAIN.period}:
            return MAIN
        settings = self.find(key).settings
        for kind in settings.periods:
            if period in {None, kind}:
                return BoardPeriod(key, kind)
        raise NotFound("The board has no periods of this kind")

    def _note(self, boards: Iterable[Board]) -> None:
        with self._lock:
            for board in boards:
                self._known[board.settings.key] = self._found[board.settings.key] = board
