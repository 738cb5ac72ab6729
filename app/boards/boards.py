"""Boards: created, found, renamed and archived; each change is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.boards import board_rows
from app.boards.board import KEY, MAIN_ID, Board, BoardSettings
from app.boards.clock import Clock, ClockChange
from app.contract.errors import NotFound, ValidationFailed
from app.contract.standings import PeriodKind
from app.storage.database import Database

PERIOD_LEAD_SECONDS = 10.0
"""Longer than any transaction that counts acts. An act counts for an added period if its time is
not before that of the period, no matter when its transaction began."""
_TAKEN = "A board with this key exists."
_UNKNOWN = "There is no such board"


class Boards:
    """Reads boards from PostgreSQL and changes them; every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, initiator: Initiator, settings: BoardSettings, times: ClockChange | None = None
    ) -> Board:
        """Create a board; raises ValidationFailed, also if the key is taken."""
        settings.check()
        with self._database.transaction() as connection:
            clock = Clock().changed(times or {}, board_rows.now(connection))
            settings.check_clock(clock)
            board = board_rows.insert(connection, settings, clock)
            if board is None:
                raise ValidationFailed(_TAKEN, {"key": [_TAKEN]})
            _audit(connection, initiator, "create-board", board)
        return board

    def page(self, after: str, limit: int, *, archived: bool = False) -> tuple[list[Board], bool]:
        """The next boards in the order of keys, and whether more follow."""
        with self._database.reading() as connection:
            found = board_rows.boards_after(connection, after, limit + 1, archived=archived)
        return found[:limit], len(found) > limit

    def find(self, key: str) -> Board:
        """The board with that key; raises NotFound, also for a text that no key can be."""
        if not KEY.match(key):
            raise NotFound(_UNKNOWN)
        found = self.find_all([key])
        if key not in found:
            raise NotFound(_UNKNOWN)
        return found[key]

    def find_all(self, keys: Sequence[str]) -> dict[str, Board]:
        """The boards of these keys that exist, by key, in one query."""
        with self._database.reading() as connection:
            return board_rows.find_all(connection, keys)

    def edit(
        self,
        initiator: Initiator,
        key: str,
        title: str | None = None,
        periods: Sequence[PeriodKind] | None = None,
        times: ClockChange | None = None,
    ) -> Board:
        """Change title and times, or give `main` further periods; None keeps what the board has.

        A period that is added counts the acts from PERIOD_LEAD_SECONDS later on. Acts that are
        counted after this call obey the new times. Raises NotFound and ValidationFailed.
        """
        board = self.find(key)
        if times and board.id == MAIN_ID:
            raise ValidationFailed("The board main has no clock, it is always open")
        with self._database.transaction() as connection:
            if times or periods is not None:
                board = _locked(connection, board)
            settings = board.settings
            added = [kind for kind in periods or () if kind not in settings.periods]
            new_title = settings.title if title is None else title
            replace(settings, title=new_title, periods=(*settings.periods, *added)).check()
            if periods is not None:
                _check_periods(board, periods)
            if times:
                _set_clock(connection, initiator, board, times)
            if board_rows.set_title(connection, board.id, new_title):
                _audit(connection, initiator, "edit-board", board, title=new_title)
            if added:
                board_rows.add_periods(connection, board.id, added, PERIOD_LEAD_SECONDS)
                _audit(connection, initiator, "add-periods", board, periods=",".join(added))
        return self.find(key)

    def archive(self, initiator: Initiator, key: str) -> Board:
        """Refuse further acts for good; the standings stay readable. Raises NotFound."""
        board = self.find(key)
        if board.id == MAIN_ID:
            raise ValidationFailed("The board main can't be archived")
        with self._database.transaction() as connection:
            if board_rows.archive(connection, board.id):
                _audit(connection, initiator, "archive-board", board)
        return self.find(key)


def _check_periods(board: Board, periods: Sequence[PeriodKind]) -> None:
    """Raise ValidationFailed unless these are the board's periods, or more of `main`."""
    known = board.settings.periods
    if not set(known) <= set(periods):
        problem = f"A period can't be removed; the board has {', '.join(known)}"
    elif board.id != MAIN_ID and set(periods) != set(known):
        problem = "Only main can be given further periods"
    else:
        return
    raise ValidationFailed(problem, {"periods": [f"{problem}."]})


def _locked(connection: Connection, board: Board) -> Board:
    """Lock the board's clock and periods; the board as it is after the changes of others."""
    board_rows.lock_clock(connection, board.id)
    return board_rows.find_all(connection, [board.settings.key])[board.settings.key]


def _set_clock(
    connection: Connection, initiator: Initiator, board: Board, times: ClockChange
) -> None:
    """Change the times of a board whose clock is locked."""
    # The time is read after the lock, so that no act of a later time was counted by the old clock.
    clock = board.clock.changed(times, board_rows.now(connection))
    board.settings.check_clock(clock)
    if board_rows.set_clock(connection, board.id, clock):
        _audit(connection, initiator, "set-clock", board, **clock.as_json())


def _audit(
    connection: Connection, initiator: Initiator, act: str, board: Board, **details: str | None
) -> None:
    audit_rows.insert(connection, initiator, act, None, {"board": board.settings.key, **details})
