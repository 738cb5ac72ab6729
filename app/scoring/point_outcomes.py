"""What a player learns of a counted token: score, rank and the version that shows them."""

from __future__ import annotations

from dataclasses import replace

from app.boards.board import Board
from app.contract.standings import Outcome
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rankings import ranking_of
from app.ledger.action_ledger import CountedToken


class PointOutcomes:
    """Publishes counted tokens and reads the standings that they made.

    A repeated token is published too: the process that counted it may have died before it published
    the point.
    """

    def __init__(
        self,
        publisher: BoardPublisher,
        leaderboard: Leaderboard,
        standings: BoardStandings,
        used: UsedRankings,
    ) -> None:
        self._publisher = publisher
        self._leaderboard = leaderboard
        self._standings = standings
        self._used = used

    def publish(self, counted: CountedToken, board: Board | None) -> Outcome:
        """The player's standing in the board's first period; `board`: None is `main`.

        Raises DatabaseUnavailable if the rank index can't answer and PostgreSQL can't either.
        """
        if board is None:
            return self._on_main(counted)
        period = self._standings.period(board, None, None)
        self._used.note(ranking_of(board, period))
        point = self._publisher.publish_point(counted.changes) if counted.changes else None
        shown = counted.changes[0] if counted.changes else None
        if shown is None or shown.ranking.period != period.kind:
            # The period of a point that was counted before is over.
            score = counted.first_score or 0
            return Outcome(score, self._standings.rank_of(board, period, score), None)
        # PostgreSQL may have counted the point in a period that has ended since, or that begins in
        # a moment by the clock of this process.
        period = replace(period, starts_on=shown.ranking.starts_on)
        rank = point.rank if point else None
        if rank is None:
            rank = self._standings.rank_of(board, period, shown.change.score)
        return Outcome(shown.change.score, rank, point.batch.version if point else None)

    def _on_main(self, counted: CountedToken) -> Outcome:
        score = counted.changes[0].change.score
        point = self._publisher.publish_point(counted.changes)
        if point is None:
            return Outcome(score, self._leaderboard.rank_of(score), None)
        rank = point.rank or self._leaderboard.rank_of(score)
        return Outcome(score, rank, point.batch.version)
