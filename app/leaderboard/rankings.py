"""The board and the own standings of any board in its present period, as viewers watch them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from app.boards.board import Board as BoardRecord
from app.boards.known_boards import KnownBoards
from app.boards.periods import Period, period_at
from app.contract.errors import NotFound
from app.contract.standings import (
    MAIN,
    TOP,
    Board,
    BoardPeriod,
    BoardVersion,
    OwnStanding,
    OwnStandings,
)
from app.leaderboard import standing_pages as pages
from app.leaderboard.leaderboard import Leaderboard
from app.storage.database import Database


class Rankings:
    """Reads the present period of boards; raises NotFound and DatabaseUnavailable.

    NotFound: there is no such board, or it has no periods of that kind.
    """

    def __init__(self, database: Database, boards: KnownBoards, leaderboard: Leaderboard) -> None:
        self._database = database
        self._boards = boards
        self._leaderboard = leaderboard

    def top(self, watched: BoardPeriod, min_version: int = 0) -> Board:
        """The top ten, not older than min_version if that version exists."""
        if watched == MAIN:
            return self._leaderboard.top(TOP, min_version)
        board, period = self._present(watched)
        now = int(time.time() * 1000)
        with self._database.reading() as connection:
            found = pages.top(connection, board.id, period, TOP + 1)
            ranks = pages.ranks_of(connection, board.id, period, found[:TOP])
        rows = tuple(row.ranked(rank) for row, rank in zip(found, ranks, strict=False))
        positions = tuple(row.position for row in found[:TOP])
        return Board(BoardVersion(now, now, now), rows, positions, len(found) > TOP)

    def own_standings(self, watched: BoardPeriod, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each user, for some hundred users; may raise RedisUnavailable.

        None while the rank index of `main` of all time is incomplete, because counting its ranks
        in SQL takes too long.
        """
        if watched == MAIN:
            return self._leaderboard.own_standings(user_ids)
        board, period = self._present(watched)
        with self._database.reading() as connection:
            scores = pages.scores_of(connection, board.id, period, user_ids)
            ranks = pages.ranks_by_score(connection, board.id, period) if scores else {}
        own = (
            OwnStanding(scores[user_id], ranks.get(scores[user_id]))
            if user_id in scores
            else OwnStanding(0, None)
            for user_id in user_ids
        )
        return OwnStandings(int(time.time() * 1000), tuple(own))

    def _present(self, watched: BoardPeriod) -> tuple[BoardRecord, Period]:
        board = self._boards.find(watched.board)
        if watched.period not in board.settings.periods:
            raise NotFound("The board has no periods of this kind")
        return board, period_at(watched.period, board.settings.time_zone, datetime.now(UTC))
