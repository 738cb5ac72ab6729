"""The rank index kept equal to PostgreSQL: rebuilt when Redis lost it, repaired always."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby

import structlog
from sqlalchemy import Connection

from app.contract.messages import EndReason
from app.metrics import INDEX_REBUILDS, INDEX_REPAIRS
from app.services.propagation import Propagation, aftermath_of
from app.services.sessions import Sessions
from app.stores import audit, display_tokens, ledger, moderation
from app.stores import sessions as session_rows
from app.stores.board_cache import LocalBoard
from app.stores.database import Database
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex

OVERLAP = 30_000_000
"""µs that each repair looks back beyond the last: transactions commit later than their time."""
PLACE_CHUNK, REBUILD_CHUNK, EXPIRE_CHUNK = 1_000, 5_000, 200
ACTOR = "time"
_BEFORE_ALL = "00000000-0000-0000-0000-000000000000"

log = structlog.stdlib.get_logger(__name__)


class IndexKeeper:
    """One pass at a time over all processes, every two seconds, does what is needed.

    The mark in Redis says up to which moment all changes are in. Without it the index is rebuilt;
    with it everything since is placed again, however long Redis was away or whatever old
    snapshot it came back with. What the pass before had placed is left out, as long as the mark
    is the one it wrote: then Redis has lost nothing since, and nobody else has kept the index.
    """

    def __init__(
        self,
        database: Database,
        index: RankIndex,
        local_board: LocalBoard,
        sessions: Sessions,
        propagation: Propagation,
        session_seconds: int,
    ) -> None:
        self._database = database
        self._index = index
        self._local_board = local_board
        self._sessions = sessions
        self._propagation = propagation
        self._session_us = session_seconds * 1_000_000
        self._marked = 0
        self._placed: dict[str, int] = {}
        """Revision by user, of what was in the index when the mark was written."""

    def due(self) -> bool:
        """Whether a pass is for this process to do; raises RedisUnavailable."""
        return not self._index.kept_by_another()

    def keep(self) -> None:
        """Rebuild or repair, unless another process is at it.

        Raises DatabaseUnavailable and RedisUnavailable; the next pass does what this one left.
        """
        token = self._index.become_keeper()
        if token is None:
            return
        try:
            self._end_what_is_over(token)
            moment = self._index.complete_until()
            if moment is None:
                self._rebuild(token)
            else:
                self._repair(token, moment)
            self._index.vouch_for_position()
            self._index.note_kept()
        finally:
            self._index.resign(token)

    def index_lost(self) -> bool:
        """Whether there is no whole index; raises RedisUnavailable."""
        return self._index.complete_until() is None

    def _rebuild(self, token: str) -> None:
        log.info("index_rebuild_started")
        with self._database.reading() as connection:
            begun = ledger.now(connection)
            users = 0
            # Closed before the connection is given back, which the reader may still be using.
            with closing(_read_ahead(connection)) as chunks:
                for changes in chunks:
                    if not self._index.rebuild_chunk(token, changes):
                        log.warning("index_rebuild_lost", users=users)
                        return
                    users += len(changes)
            if not self._tell_standings(connection, token, begun - self._session_us):
                return
        if not self._index.mark_complete(token, begun):
            log.warning("index_rebuild_lost", users=users)
            return
        # A change that the rebuild read before its own process placed it was announced to nobody.
        self._index.place([], self._local_board.highest_version, raise_version=True)
        INDEX_REBUILDS.inc()
        log.info("index_rebuilt", users=users)

    def _repair(self, token: str, complete_until: int) -> None:
        since = complete_until - OVERLAP
        with self._database.reading() as connection:
            begun = ledger.now(connection)
            changes = ledger.changed_since(connection, since)
            told = self._tell_standings(connection, token, since)
        known = self._placed if complete_until == self._marked else {}
        unknown = [each for each in changes if known.get(each.user_id) != each.revision]
        for start in range(0, len(unknown), PLACE_CHUNK):
            chunk = unknown[start : start + PLACE_CHUNK]
            placed = self._index.place(chunk, self._local_board.highest_version)
            if placed.applied:
                INDEX_REPAIRS.inc(placed.applied)
                log.info("index_repaired", changes=placed.applied)
            # After a long absence of Redis there are many; another keeper would only repeat them.
            self._index.remain_keeper(token)
        # What was not told is found again by the next pass only if the mark stays behind it.
        if told and self._index.mark_complete(token, begun):
            self._marked = begun
            self._placed = {each.user_id: each.revision for each in changes}

    def _tell_standings(self, connection: Connection, token: str, since: int) -> bool:
        """Say again what moderation may have said while Redis was away; False: not all was told."""
        # Read before the accounts and told after them: who is banned is to hear of the ban, not of
        # the end of the session that came with it.
        ended = session_rows.revoked_since(connection, since)
        for user_id in moderation.moderated_since(connection, since):
            if not self._propagation.tell(aftermath_of(connection, user_id)):
                return False
            self._index.remain_keeper(token)
        for (user_id, banned), group in groupby(ended, key=lambda row: (row[0], row[2])):
            session_ids = [session_id for _, session_id, _ in group]
            reason: EndReason = "banned" if banned else "revoked"
            if not self._sessions.announce_end(user_id, session_ids, reason):
                return False
            self._index.remain_keeper(token)
        for token_id in display_tokens.revoked_since(connection, since):
            if not self._sessions.announce_end(token_id, [token_id]):
                return False
            self._index.remain_keeper(token)
        return True

    def _end_what_is_over(self, token: str) -> None:
        """Bans and flags end by themselves; the player is back with the score they had."""
        over = [""] * EXPIRE_CHUNK
        while len(over) == EXPIRE_CHUNK:
            with self._database.transaction() as connection:
                over = moderation.expire(connection, EXPIRE_CHUNK)
                aftermaths = [aftermath_of(connection, user_id) for user_id in over]
                for user_id in over:
                    audit.insert(connection, ACTOR, "expire", user_id, "its time was over", {})
            for aftermath in aftermaths:
                self._propagation.tell(aftermath)
            self._index.remain_keeper(token)


def _read_ahead(connection: Connection) -> Generator[list[Change]]:
    """All players of the board in chunks; PostgreSQL reads the next while Redis takes this one."""
    with ThreadPoolExecutor(1, thread_name_prefix="rebuild") as reader:

        def read(after: str) -> Future[list[Change]]:
            return reader.submit(ledger.on_board_after, connection, after, REBUILD_CHUNK)

        upcoming = read(_BEFORE_ALL)
        while changes := upcoming.result():
            upcoming = read(changes[-1].user_id)
            yield changes
