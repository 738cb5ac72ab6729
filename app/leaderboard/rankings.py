"""The board and the own standings of any board in its present period, as viewers watch them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.boards.board import Board as BoardRecord
from app.boards.known_boards import KnownBoards
from app.boards.periods import Period, period_at
from app.contract import keys
from app.contract.errors import NotFound, RedisUnavailable
from app.contract.standings import (
    MAIN,
    TOP,
    Board,
    BoardPeriod,
    BoardVersion,
    OwnStanding,
    OwnStandings,
    Ranking,
    ranks_from_top,
)
from app.contract.viewers.board_delta import BoardDelta, board_after
from app.leaderboard import standing_pages as pages
from app.leaderboard.board_cache import SharedReads
from app.leaderboard.index.near_rows import ROWS_READ, ReadBoard
from app.leaderboard.index.seen_versions import SeenVersions
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.leaderboard import Leaderboard
from app.leaderboard.rank_index import RankIndex
from app.leaderboard.replica_reads import ReplicaReads
from app.storage.wal import WalPosition


class Rankings:
    """Reads the present period of boards; raises NotFound and DatabaseUnavailable.

    NotFound: there is no such board, or it has no periods of that kind. Each ranking that is read
    is noted, so that the reconciler keeps its rank index.
    """

    def __init__(
        self,
        boards: KnownBoards,
        leaderboard: Leaderboard,
        board_database: ReplicaReads,
        shared: SharedReads,
        index: RankIndex,
        versions: SeenVersions,
        used: UsedRankings,
    ) -> None:
        self._boards = boards
        self._leaderboard = leaderboard
        self._board_database = board_database
        self._shared = shared
        self._index = index
        self._versions = versions
        self._used = used

    def top(self, watched: BoardPeriod, min_version: int = 0) -> Board:
        """The top ten, not older than min_version if that version exists."""
        if watched == MAIN:
            return self._leaderboard.top(TOP, min_version)
        return self.top_of(*self._present(watched), min_version)

    def top_of(self, board: BoardRecord, period: Period, min_version: int = 0) -> Board:
        """The top ten of a board in a period, which has to be the present one."""
        ranking = ranking_of(board, period)
        self._used.note(ranking)

        def read(version: BoardVersion, position: WalPosition | None) -> ReadBoard:
            found = self._board_database.read_at(
                position, lambda connection: pages.top(connection, board.id, period, ROWS_READ)
            )
            first = found[:TOP]
            ranks = ranks_from_top([row.score for row in first])
            rows = tuple(row.ranked(rank) for row, rank in zip(first, ranks, strict=True))
            positions = tuple(row.position for row in first)
            return ReadBoard(Board(version, rows, positions, len(found) > TOP), found)

        seen = self._versions.highest(ranking.watched)
        found = self._shared.read(keys.of_ranking(ranking), seen, min_version, read)
        self._versions.note_board(ranking.watched, found.version)
        return found

    def follow(
        self, watched: BoardPeriod, board: Board, deltas: Sequence[BoardDelta]
    ) -> Board | None:
        """The board after these changes, without a read; None if it has to be read."""
        if watched == MAIN:
            return board_after(board, deltas, int)
        found = board_after(board, deltas, self._boards.found(watched.board).settings.index_score)
        if found is not None:
            self._versions.note(watched, found.version.number)
        return found

    def own_standings(self, watched: BoardPeriod, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each user, for some hundred users; may raise RedisUnavailable.

        None while the rank index of `main` of all time is incomplete, because counting its ranks
        in SQL takes too long.
        """
        if watched == MAIN:
            return self._leaderboard.own_standings(user_ids)
        board, period = self._present(watched)
        ranking = ranking_of(board, period)
        self._used.note(ranking)
        try:
            found = self._index.own_standings(ranking, user_ids)
        except RedisUnavailable:
            found = None
        if found is None:
            return self._own_from_database(board, period, user_ids)
        shown = board.settings.index_score
        own = tuple(OwnStanding(shown(each.score), each.rank) for each in found.own)
        return OwnStandings(found.version, own)

    def _own_from_database(
        self, board: BoardRecord, period: Period, user_ids: Sequence[str]
    ) -> OwnStandings:
        ranking = ranking_of(board, period)
        version = self._versions.highest(ranking.watched)
        scores, ranks = self._board_database.read(
            lambda connection: (
                found := pages.scores_of(connection, board.id, period, user_ids),
                pages.ranks_by_score(connection, board.id, period) if found else {},
            ),
            keys.of_ranking(ranking),
        )
        own = (
            OwnStanding(scores[user_id], ranks.get(scores[user_id]))
            if user_id in scores
            else OwnStanding(0, None)
            for user_id in user_ids
        )
        return OwnStandings(version, tuple(own))

    def _present(self, watched: BoardPeriod) -> tuple[BoardRecord, Period]:
        board = self._boards.found(watched.board)
        if watched.period not in board.settings.periods:
            # `main` may have been given further periods.
            board = self._boards.find(watched.board)
        if watched.period not in board.settings.periods:
            raise NotFound("The board has no periods of this kind")
        return board, period_at(watched.period, board.settings.time_zone, datetime.now(UTC))


def ranking_of(board: BoardRecord, period: Period) -> Ranking:
    """The leaderboard of this board in this period."""
    return Ranking(board.settings.key, period.kind, period.starts_on)
