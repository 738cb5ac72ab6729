"""Proof that nothing was lost: scores are the sums of their actions, the index is the database."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.services.index_keeper import REBUILD_CHUNK
from app.stores import ledger
from app.stores.board_cache import LocalBoard
from app.stores.database import Database
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex

SETTLE_SECONDS = 3.0
"""What differs is looked at again after this: acts in flight are in one place before the other."""
USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Difference:
    """One user for whom two records disagree; None: not there."""

    user_id: str
    what: str
    recorded: int | None
    expected: int | None

    def __str__(self) -> str:
        return f"{self.user_id}: {self.what} is {self.recorded}, should be {self.expected}"


@dataclass(frozen=True)
class Verification:
    """What a verification looked at and what it found."""

    users: int
    ledger: tuple[Difference, ...]
    index: tuple[Difference, ...]

    @property
    def sound(self) -> bool:
        return not self.ledger and not self.index


class LedgerCheck:
    """Compares the three records of a score: the actions, the user's row, the rank index."""

    def __init__(self, database: Database, index: RankIndex, local_board: LocalBoard) -> None:
        self._database = database
        self._index = index
        self._local_board = local_board

    def verify(self) -> Verification:
        """Look at everything; what is in flight is waited for, not called a difference.

        Raises DatabaseUnavailable and RedisUnavailable.
        """
        with self._database.reading() as connection:
            sums = [
                Difference(user_id, "score", score, total)
                for user_id, score, total in ledger.wrong_sums(connection)
            ]
        users, places = self._look_at_index()
        if places:
            time.sleep(SETTLE_SECONDS)
            # Who scores all the while differs each time, but each time by other numbers.
            users, again = self._look_at_index()
            before = set(places)
            places = [found for found in again if found in before]
        return Verification(users, tuple(sums), tuple(places))

    def repair_index(self, differences: tuple[Difference, ...]) -> int:
        """Bring the index to what the database says of these users; how many were placed."""
        repaired = 0
        for difference in differences:
            # Out first, since what the index has may claim a newer revision than there is.
            self._index.remove(difference.user_id)
            if USER_ID.fullmatch(difference.user_id):
                with self._database.transaction() as connection:
                    change = ledger.touch(connection, difference.user_id)
                if change is not None:
                    self._index.place([change], self._local_board.highest_version)
            repaired += 1
        return repaired

    def _look_at_index(self) -> tuple[int, list[Difference]]:
        indexed = dict(self._index.scores())
        expected = {change.user_id: change.score for change in self._on_board()}
        return len(expected), list(_compare(indexed, expected))

    def _on_board(self) -> Iterator[Change]:
        after = _BEFORE_ALL
        with self._database.reading() as connection:
            while changes := ledger.on_board_after(connection, after, REBUILD_CHUNK):
                yield from changes
                after = changes[-1].user_id


def _compare(indexed: Mapping[str, int], expected: Mapping[str, int]) -> Iterator[Difference]:
    for user_id in sorted(indexed.keys() | expected.keys()):
        found, wanted = indexed.get(user_id), expected.get(user_id)
        if found != wanted:
            yield Difference(user_id, "score in the rank index", found, wanted)
