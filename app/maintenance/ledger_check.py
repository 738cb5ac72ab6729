"""The ledger check: each score is the sum of its actions, and the rank index has these scores."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.contract.standings import MAIN_RANKING
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

    def __str__(self) -> str:
        return f"{self.user_id}: {self.what} is {self.recorded}, should be {self.expected}"


@dataclass(frozen=True)
class Verification:
    """Result of a check."""

    users: int
    """Number of users on the board."""
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
    """Compares the three records of a score: the actions, the user's row and the rank index."""

    def __init__(self, database: Database, index: RankIndex, publisher: BoardPublisher) -> None:
        self._database = database
        self._index = index
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
        users, differences = self._compare_index()
        if differences:
            time.sleep(SETTLE_SECONDS)
            # A player that scores constantly may differ in both reads, but by different numbers.
            users, second = self._compare_index()
            first = set(differences)
            differences = [difference for difference in second if difference in first]
        return Verification(users, tuple(sums), tuple(differences), tuple(boards))

    def repair_index(self, differences: tuple[Difference, ...]) -> int:
        """Give the index the scores of the database; the number of repaired users."""
        for difference in differences:
            # Removed first, because the index may have a revision that is newer than the row's.
            self._index.remove(MAIN_RANKING, difference.user_id)
            if USER_ID.fullmatch(difference.user_id):
                with self._database.transaction() as connection:
                    change = action_rows.touch(connection, difference.user_id)
                if change is not None:
                    self._publisher.republish([RankingChange(MAIN_RANKING, change)])
        return len(differences)

    def _compare_index(self) -> tuple[int, list[Difference]]:
        indexed = dict(self._index.scores(MAIN_RANKING))
        expected = {change.user_id: change.score for change in self._on_board()}
        return len(expected), list(_differences(indexed, expected))

    def _on_board(self) -> Iterator[StandingChange]:
        after = FIRST_USER_ID
        with self._database.reading() as connection:
            while changes := action_rows.on_board_after(connection, after, REBUILD_CHUNK_SIZE):
                yield from changes
                after = changes[-1].user_id


def _differences(indexed: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[Difference]:
    for user_id in sorted(indexed.keys() | expected.keys()):
        found, wanted = indexed.get(user_id), expected.get(user_id)
        if found != wanted:
            yield Difference(user_id, "score in the rank index", found, wanted)
