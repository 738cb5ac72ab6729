"""Reads where a player stands before and after a step of a reveal."""

from __future__ import annotations

from sqlalchemy import Connection

from app.accounts import user_rows
from app.boards.board import Board
from app.boards.periods import Period
from app.contest import reveal_rows
from app.contract.standings import Standing
from app.contract.viewers.reveals import Move
from app.leaderboard import standing_pages as pages

AROUND = 2
"""Rows above and below that of the player."""


class MoveReader:
    """Reads shown standings of one period, inside the transaction of a step."""

    def __init__(self, connection: Connection, board: Board, period: Period) -> None:
        self._connection = connection
        self._board = board
        self._period = period

    def place(self, user_id: str) -> Standing | None:
        """The player's row; None without a place."""
        rows = self._rows(user_id, 0)
        return rows[0] if rows else None

    def move(self, user_id: str, before: Standing | None) -> Move:
        """The player's climb from the place before to the present one."""
        rows = self._rows(user_id, AROUND)
        after = next((row for row in rows if row.user_id == user_id), None)
        user = user_rows.find(self._connection, user_id)
        assert user is not None, "the player of a step exists"
        left = reveal_rows.next_player(self._connection, self._board.id, self._period)
        return Move(
            user_id,
            user.username,
            user.display_name,
            before.rank if before else None,
            before.score if before else None,
            after.rank if after else None,
            after.score if after else None,
            left.remaining_of_all if left else 0,
            rows,
        )

    def _rows(self, user_id: str, span: int) -> tuple[Standing, ...]:
        connection, board_id, period = self._connection, self._board.id, self._period
        rows = pages.around(connection, board_id, period, user_id, span)
        ranks = pages.ranks_of(connection, board_id, period, rows)
        return tuple(row.ranked(rank) for row, rank in zip(rows, ranks, strict=True))
