"""The reconciler of the rankings other than `main` of all time, part of each pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic

import structlog
from sqlalchemy import Connection

from app.contract.standings import MAIN_RANKING, Ranking
from app.leaderboard.index.index_changes import IndexChanges
from app.leaderboard.index.index_rebuild import IndexRebuild, Mark
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.publication import BoardPublisher
from app.ledger import standing_rows
from app.ledger.action_rows import DatabaseTime
from app.ledger.standing_rows import RankingChange
from app.ledger.written_rows import Since
from app.maintenance.mark_validity import MAX_GAP_SECONDS, OVERLAP_US, is_valid
from app.metrics.counters import INDEX_REPAIRS
from app.storage.database import Database
from app.storage.lease import new_token

REPAIR_CHUNK_SIZE, REBUILD_CHUNK_SIZE = 1_000, 5_000
FIRST_USER_ID = "00000000-0000-0000-0000-000000000000"
"""Lower than every user id."""
REBUILD_SECONDS = 1.0
"""After this time a pass begins no further rebuild, so that it does not delay the next pass."""

log = structlog.stdlib.get_logger(__name__)


class RankingReconciler:
    """Keeps the rank indexes of the rankings that are read equal to PostgreSQL.

    A ranking that was read in the last minutes has a mark, as `main` has one. It expires after some
    seconds, and each pass renews all of them in one call after it has published again what changed
    since the oldest. A ranking without a valid mark is rebuilt. The index of a ranking that is not
    read any more is removed. So a board that is not read adds no work to a pass.

    A pass leaves out the changes that the pass before it published, for a ranking whose mark is the
    one that this process wrote.
    """

    def __init__(
        self,
        database: Database,
        index: IndexRebuild,
        used: UsedRankings,
        publisher: BoardPublisher,
        changes: IndexChanges,
    ) -> None:
        self._database = database
        self._index = index
        self._used = used
        self._publisher = publisher
        self._changes = changes
        self._marks: dict[Ranking, Mark] = {}
        """The marks that this process wrote in its last pass."""
        self._passed_at = -math.inf
        """Monotonic time at which that pass ended."""
        self._published: dict[tuple[Ranking, str], int] = {}
        """Revisions by user id, of the changes that were in the indexes after that pass."""
        self._token = new_token()

    def note_redis_failure(self) -> None:
        """Let the next pass also publish what was written while a clock was set back."""
        self._passed_at = -math.inf

    def run(self, time: DatabaseTime, clock_offset: int, renew_lease: Callable[[], None]) -> None:
        """Repair or rebuild the index of each ranking that is read.

        `time` was read before, and `clock_offset` is PostgreSQL's clock minus Redis' in µs. Raises
        DatabaseUnavailable and RedisUnavailable; the next pass does what this one did not.
        """
        self._used.remove_unused(self._index.unlink)
        used = self._used.current()
        found = zip(used, self._index.marks(used), strict=True)
        valid = {
            ranking: mark for ranking, mark in found if mark and is_valid(mark, time, clock_offset)
        }
        if valid:
            self._repair(valid, time, clock_offset, renew_lease)
        rebuild_until = monotonic() + REBUILD_SECONDS
        for ranking in used:
            if ranking not in valid and monotonic() < rebuild_until:
                self._rebuild(ranking, time, clock_offset, renew_lease)
        self._changes.confirm_position([MAIN_RANKING, *used])
        # At the end, so that a long pass does not make the next one read all standings too.
        self._passed_at = monotonic()

    def _repair(
        self,
        valid: Mapping[Ranking, Mark],
        time: DatabaseTime,
        clock_offset: int,
        renew_lease: Callable[[], None],
    ) -> None:
        oldest = min(mark.complete_until for mark in valid.values())
        own = {ranking for ranking, mark in valid.items() if self._marks.get(ranking) == mark}
        is_recent = monotonic() - self._passed_at <= MAX_GAP_SECONDS and len(own) == len(valid)
        since = Since(
            min(oldest, time.now) - OVERLAP_US,
            None if is_recent else min(mark.settled_id for mark in valid.values()),
        )
        with self._database.reading() as connection:
            changes = _changed_since(connection, since, tuple(valid), renew_lease)
        unknown = [
            each
            for each in changes
            if each.ranking not in own
            or self._published.get((each.ranking, each.change.user_id)) != each.change.revision
        ]
        for start in range(0, len(unknown), REPAIR_CHUNK_SIZE):
            repaired = self._publisher.republish(unknown[start : start + REPAIR_CHUNK_SIZE])
            if repaired:
                INDEX_REPAIRS.inc(repaired)
                log.info("index_repaired", changes=repaired)
            renew_lease()
        settled = oldest if time.settled is None else time.settled
        mark = Mark(settled, clock_offset, time.settled_id)
        rankings = list(valid)
        renewed = zip(rankings, self._index.renew_marks(rankings, mark), strict=True)
        self._marks = {ranking: mark for ranking, done in renewed if done}
        self._published = {
            (each.ranking, each.change.user_id): each.change.revision for each in changes
        }

    def _rebuild(
        self,
        ranking: Ranking,
        time: DatabaseTime,
        clock_offset: int,
        renew_lease: Callable[[], None],
    ) -> None:
        lease = self._index.lease_of(ranking)
        if not lease.acquire(self._token):
            return
        try:
            # Read before the rows, so that all changes that the rows lack are later.
            settled = time.now if time.settled is None else time.settled
            mark = Mark(settled, clock_offset, time.settled_id)
            done = (
                self._index.begin_rebuild(ranking, self._token)
                and self._add_players(ranking, renew_lease)
                and self._index.mark_complete(ranking, self._token, mark)
            )
            if done:
                self._marks[ranking] = mark
                self._publisher.announce_rebuild(ranking)
            event = "ranking_index_rebuilt" if done else "ranking_index_rebuild_lost"
            log.info(event, board=ranking.board, period=ranking.period)
        finally:
            lease.release(self._token)

    def _add_players(self, ranking: Ranking, renew_lease: Callable[[], None]) -> bool:
        """Add all listed players; False if the ranking's lease was lost."""
        after = FIRST_USER_ID
        while True:
            with self._database.reading() as connection:
                players = standing_rows.listed_after(connection, ranking, after, REBUILD_CHUNK_SIZE)
            if not players:
                return True
            if not self._index.rebuild_chunk(ranking, self._token, players):
                return False
            renew_lease()
            after = players[-1].user_id


def _changed_since(
    connection: Connection,
    since: Since,
    rankings: Sequence[Ranking],
    renew_lease: Callable[[], None],
) -> list[RankingChange]:
    """Each change once."""
    found: dict[RankingChange, None] = {}
    for chunk in standing_rows.changed_since(connection, since, rankings):
        found.update(dict.fromkeys(chunk))
        renew_lease()
    return list(found)
