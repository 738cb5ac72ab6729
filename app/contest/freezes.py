"""Ends freezes, and reads the real standings of frozen boards."""

from __future__ import annotations

from collections.abc import Sequence

from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.boards import board_rows
from app.boards.board import Board
from app.boards.boards import Boards
from app.boards.periods import Period
from app.contest import hidden_rows
from app.contract.standings import Standing
from app.leaderboard.publication import BoardPublisher
from app.ledger import standing_rows
from app.storage.database import Database

CHUNK_SIZE = 1_000
"""Players whose standings one call publishes."""


class Freezes:
    """Ends freezes, and reads what they hide; every method raises DatabaseUnavailable.

    Nothing has to start a freeze: the function that counts an act compares its time with freezesAt.
    """

    def __init__(self, database: Database, boards: Boards, publisher: BoardPublisher) -> None:
        """`database` allows for statements that change the standings of all players of a board."""
        self._database = database
        self._boards = boards
        self._publisher = publisher

    def unfreeze(self, initiator: Initiator, key: str) -> Board:
        """Show all hidden acts at once, also on a closed board; the resulting board.

        Changes nothing if no freeze has begun, or it has been ended before. Raises NotFound.
        """
        board = self._boards.find(key)
        with self._database.transaction() as connection:
            board_rows.lock_clock(connection, board.id)
            current = board_rows.find_all(connection, [key])[key]
            if not current.clock.hides_at(current.read_at):
                return current
            hidden_rows.lock_players(connection, board.id)
            players = hidden_rows.show_all(connection, board.id)
            board_rows.unfreeze(connection, board.id)
            details = {"board": key}
            audit_rows.insert(connection, initiator, "unfreeze-board", None, details)
        publish_players(self._database, self._publisher, board.id, players)
        return self._boards.find(key)

    def real_standings(self, board: Board, period: Period, limit: int) -> list[Standing]:
        """The first rows of a period as they will be when the board is unfrozen."""
        with self._database.reading() as connection:
            return hidden_rows.real_standings(connection, board.id, period, limit)


def publish_players(
    database: Database, publisher: BoardPublisher, board_id: int, players: Sequence[str]
) -> None:
    """Publish the present standings of players on a board, after the commit that changed them."""
    for start in range(0, len(players), CHUNK_SIZE):
        chunk = [(board_id, user_id) for user_id in players[start : start + CHUNK_SIZE]]
        changes = standing_rows.changes_of(database, chunk)
        if changes:
            publisher.publish_changes(changes, {})
