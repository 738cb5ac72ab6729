"""Reads the public part of a contest: the clock of its board and the last step of the reveal."""

from __future__ import annotations

from datetime import UTC, datetime

from app.boards.board import Board
from app.boards.periods import period_at
from app.contest import reveal_rows
from app.contract.standings import PeriodKind
from app.contract.viewers.contests import Contest
from app.storage.database import Database


class Contests:
    """Reads contests; raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, board: Board, period: PeriodKind) -> Contest:
        """The contest of a board as it was read, for viewers of its present period.

        A reveal is part of it only in the period whose standings give its order. Only a board that
        hides acts needs a query.
        """
        clock = board.clock
        contest = Contest(board.state, clock.as_json())
        frozen_at = clock.freezes_at
        if frozen_at is None or not clock.hides_at(board.read_at):
            return contest
        settings = board.settings
        ordered = period_at(settings.periods[0], settings.time_zone, frozen_at)
        if ordered != period_at(period, settings.time_zone, datetime.now(UTC)):
            return contest
        with self._database.reading() as connection:
            number, step = reveal_rows.announced_step(connection, board.id, frozen_at)
        return Contest(contest.state, contest.times, number, step)
