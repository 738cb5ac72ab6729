"""Boards: created, found, renamed and archived; each change is audited."""

from __future__ import annotations

from sqlalchemy import Connection

from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.boards import board_rows
from app.boards.board import MAIN_ID, Board, BoardSettings
from app.contract.errors import NotFound, ValidationFailed
from app.storage.database import Database

_TAKEN = "A board with this key exists."


class Boards:
    """Reads boards from PostgreSQL and changes them; every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, initiator: Initiator, settings: BoardSettings) -> Board:
        """Create a board; raises ValidationFailed, also if the key is taken."""
        settings.check()
        with self._database.transaction() as connection:
            board = board_rows.insert(connection, settings)
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
        """The board with that key; raises NotFound."""
        with self._database.reading() as connection:
            found = board_rows.find_all(connection, [key])
        if key not in found:
            raise NotFound("There is no such board")
        return found[key]

    def set_title(self, initiator: Initiator, key: str, title: str) -> Board:
        """Change the title; raises NotFound and ValidationFailed."""
        board = self.find(key)
        changed = BoardSettings(**(vars(board.settings) | {"title": title}))
        changed.check()
        with self._database.transaction() as connection:
            if board_rows.set_title(connection, board.id, title):
                _audit(connection, initiator, "edit-board", board, title=title)
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


def _audit(
    connection: Connection, initiator: Initiator, act: str, board: Board, **details: str
) -> None:
    audit_rows.insert(connection, initiator, act, None, {"board": board.settings.key, **details})
