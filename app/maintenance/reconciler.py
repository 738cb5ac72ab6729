"""The reconciler: keeps the rank index in Redis equal to PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Generator, Hashable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from time import monotonic
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from app.accounts import display_token_rows, session_rows, user_rows
from app.accounts.sessions import Sessions
from app.contract.channels import EndReason
from app.contract.standings import MAIN_RANKING
from app.leaderboard.index.index_rebuild import IndexRebuild, Mark
from app.leaderboard.publication import BoardPublisher, effects_of
from app.ledger import action_rows
from app.ledger.action_rows import DatabaseTime, StandingChange
from app.ledger.standing_rows import RankingChange
from app.ledger.written_rows import Since
from app.maintenance.mark_validity import MAX_GAP_SECONDS, OVERLAP_US, is_valid
from app.maintenance.ranking_reconciler import (
    FIRST_USER_ID,
    REBUILD_CHUNK_SIZE,
    REPAIR_CHUNK_SIZE,
    RankingReconciler,
)
from app.metrics.counters import INDEX_REBUILDS, INDEX_REPAIRS
from app.moderation import sanction_rows
from app.moderation.sanctions import Sanctions
from app.storage.database import Database
from app.storage.lease import new_token

EXPIRY_CHUNK_SIZE = 200

_Row = TypeVar("_Row", bound=Hashable)

log = structlog.stdlib.get_logger(__name__)


class Reconciler:
    """Makes a pass every two seconds, in one process at a time.

    A mark in Redis holds the PostgreSQL time up to which all changes are in the index. Without the
    mark a pass rebuilds the index. With it a pass repairs the index: it publishes again every
    change since the mark, whether Redis was unreachable or was restarted from an old snapshot.

    The mark never passes the start of a transaction that is still writing, because its changes
    appear with an earlier time when it commits. A mark in the future, and one that was recorded
    before a clock was set, says nothing, and the index is rebuilt.

    A clock that was set back and forward again between two passes leaves changes that are earlier
    than the mark. So the mark also has a transaction id. The pass of a process that has not made
    the last one a moment ago, or for which Redis has failed since, publishes what that transaction
    and later ones have written. For that it reads the whole table of users, once.

    A pass leaves out the changes that the pass before it published, if the mark is the one that
    this process wrote: then Redis has lost nothing since, and no other process has made a pass.
    """

    def __init__(
        self,
        database: Database,
        index: IndexRebuild,
        rankings: RankingReconciler,
        sessions: Sessions,
        publisher: BoardPublisher,
        sanctions: Sanctions,
        session_seconds: int,
    ) -> None:
        """`session_seconds`: how long Redis caches a session."""
        self._database = database
        self._index = index
        self._rankings = rankings
        self._lease = index.reconciler_lease
        self._sessions = sessions
        self._publisher = publisher
        self._sanctions = sanctions
        self._session_us = session_seconds * 1_000_000
        self._last_mark: Mark | None = None
        self._passed_at = -math.inf
        """Monotonic time at which this process last completed a pass."""
        self._published_revisions: dict[str, int] = {}
        """By user id, of the changes that were in the index when the last mark was written."""
        self.token = new_token()
        """Names this process as the holder of the lease."""

    def is_due(self) -> bool:
        """Whether this process has to make the next pass; raises RedisUnavailable."""
        return self._index.last_reconciler.holder() in (None, self.token)

    def retry_failed(self) -> None:
        """Publish what this process could not publish before; raises RedisUnavailable."""
        _count_repairs(self._publisher.retry_failed())

    def note_redis_failure(self) -> None:
        """Let the next pass also publish what was written while a clock was set back."""
        self._passed_at = -math.inf
        self._rankings.note_redis_failure()

    def run_pass(self) -> None:
        """Rebuild or repair the index, unless another process is doing so.

        Raises DatabaseUnavailable and RedisUnavailable; the next pass does what this one did not.
        """
        if not self._lease.acquire(self.token):
            return
        try:
            self._expire_sanctions()
            state = self._index.state()
            with self._database.reading() as connection:
                time = action_rows.time(connection)
            clock_offset = time.now - state.redis_now
            valid = state.mark is not None and is_valid(state.mark, time, clock_offset)
            last = state.mark if valid else None
            # A rebuild reads every change that is visible by now; a repair is sure of no more than
            # the pass before.
            at_least = time.now if last is None else last.complete_until
            settled = at_least if time.settled is None else time.settled
            mark = Mark(settled, clock_offset, time.settled_id)
            if last is None:
                self._rebuild(time, mark)
            else:
                self._repair(last, time, mark)
            self._rankings.run(time, clock_offset, self._renew_lease)
            self._index.last_reconciler.overwrite(self.token)
            self._passed_at = monotonic()
        finally:
            self._lease.release(self.token)

    def index_lost(self) -> bool:
        """Whether Redis has no complete index; raises RedisUnavailable."""
        return self._index.state().mark is None

    def _renew_lease(self) -> None:
        self._lease.renew(self.token)

    def _rebuild(self, time: DatabaseTime, mark: Mark) -> None:
        log.info("index_rebuild_started")
        users = 0
        if not self._index.begin_rebuild(MAIN_RANKING, self.token):
            log.warning("index_rebuild_lost", users=users)
            return
        with self._database.reading() as connection:
            # Closed before the connection is returned to the pool, because the thread that reads
            # ahead may still use it.
            with closing(_read_ahead(connection)) as chunks:
                for changes in chunks:
                    if not self._index.rebuild_chunk(MAIN_RANKING, self.token, changes):
                        log.warning("index_rebuild_lost", users=users)
                        return
                    users += len(changes)
            if not self._republish_accounts(connection, Since(time.now - self._session_us)):
                return
        if not self._index.mark_complete(MAIN_RANKING, self.token, mark):
            log.warning("index_rebuild_lost", users=users)
            return
        self._publisher.announce_rebuild(MAIN_RANKING)
        INDEX_REBUILDS.inc()
        log.info("index_rebuilt", users=users)

    def _repair(self, last: Mark, time: DatabaseTime, mark: Mark) -> None:
        is_own_mark = last == self._last_mark
        is_recent = is_own_mark and monotonic() - self._passed_at <= MAX_GAP_SECONDS
        since = Since(
            min(last.complete_until, time.now) - OVERLAP_US,
            None if is_recent else last.settled_id,
        )
        with self._database.reading() as connection:
            changes = self._read(action_rows.changed_since(connection, since))
            accounts_published = self._republish_accounts(connection, since)
        known = self._published_revisions if is_own_mark else {}
        unknown = [each for each in changes if known.get(each.user_id) != each.revision]
        for start in range(0, len(unknown), REPAIR_CHUNK_SIZE):
            chunk = unknown[start : start + REPAIR_CHUNK_SIZE]
            _count_repairs(
                self._publisher.republish([RankingChange(MAIN_RANKING, c) for c in chunk])
            )
            # After a long outage of Redis there are many chunks. Another process that acquired the
            # lease in the meantime would only repeat them.
            self._lease.renew(self.token)
        # The next pass finds an account that was not published only if the mark stays behind it.
        if accounts_published and self._index.mark_complete(MAIN_RANKING, self.token, mark):
            self._last_mark = mark
            self._published_revisions = {each.user_id: each.revision for each in changes}

    def _republish_accounts(self, connection: Connection, since: Since) -> bool:
        """Publish moderation and ended sessions since that moment again; False if one failed."""
        # Read before the accounts and announced after them, so that a banned user gets USER_BANNED
        # and not SESSION_REVOKED for the session that the ban ended.
        ended = sorted(self._read(session_rows.revoked_since(connection, since)))
        for user_id in self._read(sanction_rows.moderated_since(connection, since)):
            if not self._publisher.publish(effects_of(connection, user_id)):
                return False
            self._lease.renew(self.token)
        for (user_id, banned), group in groupby(ended, key=lambda row: (row[0], row[2])):
            session_ids = [session_id for _, session_id, _ in group]
            reason: EndReason = "banned" if banned else "revoked"
            ban = user_rows.account_of(connection, user_id).ban if banned else None
            if not self._sessions.publish_end(user_id, session_ids, reason, ban):
                return False
            self._lease.renew(self.token)
        for token_id in self._read(display_token_rows.revoked_since(connection, since)):
            if not self._sessions.publish_end(token_id, [token_id]):
                return False
            self._lease.renew(self.token)
        return True

    def _read(self, chunks: Iterable[list[_Row]]) -> list[_Row]:
        """Each row once; renews the lease in the meantime."""
        rows: dict[_Row, None] = {}
        for chunk in chunks:
            rows.update(dict.fromkeys(chunk))
            self._lease.renew(self.token)
        return list(rows)

    def _expire_sanctions(self) -> None:
        """End the expired bans and flags, and publish the changes."""
        expired = EXPIRY_CHUNK_SIZE
        while expired == EXPIRY_CHUNK_SIZE:
            with self._database.transaction() as connection:
                all_effects = self._sanctions.expire(connection, EXPIRY_CHUNK_SIZE)
            for effects in all_effects:
                self._sanctions.publish(effects)
            self._lease.renew(self.token)
            expired = len(all_effects)


def _count_repairs(repaired: int) -> None:
    if repaired:
        INDEX_REPAIRS.inc(repaired)
        log.info("index_repaired", changes=repaired)


def _read_ahead(connection: Connection) -> Generator[list[StandingChange]]:
    """All players on the board in chunks; PostgreSQL reads the next one while Redis writes one."""
    with ThreadPoolExecutor(1, thread_name_prefix="rebuild") as reader:

        def read(after: str) -> Future[list[StandingChange]]:
            return reader.submit(action_rows.on_board_after, connection, after, REBUILD_CHUNK_SIZE)

        upcoming = read(FIRST_USER_ID)
        while changes := upcoming.result():
            upcoming = read(changes[-1].user_id)
            yield changes
