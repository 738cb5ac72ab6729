"""The ledger check: each score is what its acts make, and the rank indexes have these scores."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from app.contract.standings import MAIN_RANKING, Ranking
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rank_index import RankIndex
from app.ledger import action_rows, partition_rows, standing_rows
from app.ledger.action_rows import StandingChange
from app.ledger.standing_rows import RankingChange, WrongStanding
from app.maintenance.ranking_reconciler import FIRST_USER_ID, REBUILD_CHUNK_SIZE
from app.storage.database import Database

SETTLE_SECONDS = 3.0
"""A difference is read again after this time: an increment reaches PostgreSQL before the index."""
USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Difference:
    """One user for whom two records disagree."""

    user_id: str
    what: str
    recorded: int | None
    """None if the user is not there."""
    expected: int | None
    ranking: Ranking = MAIN_RANKING

    def __str__(self) -> str:
        board = self.ranking
        place = "" if board == MAIN_RANKING else f", board {board.board}, period {board.period},"
        return f"{self.user_id}: {self.what}{place} is {self.recorded}, should be {self.expected}"


@dataclass(frozen=True)
class Verification:
    """Result of a check."""

    users: int
    """Number of users on the board `main`."""
    rankings: int
    """Number of rankings whose index was compared, besides that one."""
    ledger: tuple[Difference, ...]
    """Scores that are not the sum of their actions."""
    index: tuple[Difference, ...]
    """Scores in the index that are not those of PostgreSQL."""
    boards: tuple[WrongStanding, ...] = ()
    """Standings of other boards and periods that differ from those computed from their acts."""

    @property
    def sound(self) -> bool:
        return not (self.ledger or self.index or self.boards)


class LedgerCheck:
    """Compares the three records of a score: the acts, the stored score and the rank index.

    Of the rankings other than `main` of all time, those that are read have a rank index.
    """

    def __init__(
        self,
        database: Database,
        index: RankIndex,
        rebuild: IndexRebuild,
        used: UsedRankings,
        publisher: BoardPublisher,
    ) -> None:
        self._database = database
        self._index = index
        self._rebuild = rebuild
        self._used = used
        self._publisher = publisher

    def verify(self) -> Verification:
        """Compare all users; increments in flight are not reported as differences.

        Raises DatabaseUnavailable and RedisUnavailable.
        """
        with self._database.reading() as connection:
            sums = [
                Difference(user_id, "score", score, total)
                for user_id, score, total in action_rows.wrong_sums(connection)
            ]
            boards = standing_rows.wrong_standings(
                connection, partition_rows.ledger_begin(connection)
            )
        users, rankings, differences = self._compare_indexes()
        if differences:
            time.sleep(SETTLE_SECONDS)
            # A player that scores constantly may differ in both reads, but by different numbers.
            users, rankings, second = self._compare_indexes()
            first = set(differences)
            differences = [difference for difference in second if difference in first]
        return Verification(users, rankings, tuple(sums), tuple(differences), tuple(boards))

    def repair_index(self, differences: tuple[Difference, ...]) -> int:
        """Give the indexes the scores of the database; the number of repaired entries."""
        for difference in differences:
            # Removed first, because the index may have a revision that is newer than the row's.
            self._index.remove(difference.ranking, difference.user_id)
            if USER_ID.fullmatch(difference.user_id):
                self._publisher.republish(self._touch(difference.user_id))
        return len(differences)

    def _touch(self, user_id: str) -> list[RankingChange]:
        """The user's standings, with new revisions, so that every index applies them again."""
        with self._database.transaction() as connection:
            change = action_rows.touch(connection, user_id)
            if change is None:
                return []
            standing_rows.refresh(connection, user_id)
            others = standing_rows.changes_of_user(connection, user_id)
        return [RankingChange(MAIN_RANKING, change), *others]

    def _compare_indexes(self) -> tuple[int, int, list[Difference]]:
        """The number of users of `main`, that of other rankings with an index, and differences."""
        used = self._used.current()
        marks = zip(used, self._rebuild.marks(used), strict=True)
        rankings = [ranking for ranking, mark in marks if mark]
        users, differences = self._compare(MAIN_RANKING)
        for ranking in rankings:
            differences += self._compare(ranking)[1]
        return users, len(rankings), differences

    def _compare(self, ranking: Ranking) -> tuple[int, list[Difference]]:
        """The number of listed users of a ranking, and those whose index score differs."""
        indexed = dict(self._index.scores(ranking))
        listed = {change.user_id: change.score for change in self._listed(ranking)}
        differences = [
            Difference(user_id, "score in the rank index", found, wanted, ranking)
            for user_id in sorted(indexed.keys() | listed.keys())
            if (found := indexed.get(user_id)) != (wanted := listed.get(user_id))
        ]
        return len(listed), differences

    def _listed(self, ranking: Ranking) -> Iterator[StandingChange]:
        read: Callable[[Connection, str, int], list[StandingChange]] = action_rows.on_board_after
        if ranking != MAIN_RANKING:
            read = partial(_listed_after, ranking)
        after = FIRST_USER_ID
        with self._database.reading() as connection:
            while changes := read(connection, after, REBUILD_CHUNK_SIZE):
                yield from changes
                after = changes[-1].user_id


def _listed_after(
    ranking: Ranking, connection: Connection, after: str, limit: int
) -> list[StandingChange]:
    return standing_rows.listed_after(connection, ranking, after, limit)
