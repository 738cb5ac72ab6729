"""The leaderboard: the top ten through the caches, pages and neighbourhoods from PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future
from threading import Lock

from sqlalchemy import Connection

from app.contract.errors import RedisUnavailable
from app.contract.standings import TOP, Board, BoardVersion, OwnStandings, Position, Standing
from app.metrics import CACHE_READS
from app.services.board_database import BoardDatabase
from app.services.counted_ranks import CountedRanks
from app.stores import board as rows
from app.stores.board import BoardRow
from app.stores.board_cache import CacheReading, LocalBoard, SharedBoard
from app.stores.database import Database
from app.stores.rank_index import RankIndex
from app.stores.wal import WalPosition

LEASE_WAIT_SECONDS, LEASE_POLL_SECONDS = 0.3, 0.01


class Leaderboard:
    """Reads of the board; flow 7's three levels behind one call."""

    def __init__(
        self,
        database: Database,
        board_database: BoardDatabase,
        local: LocalBoard,
        shared: SharedBoard,
        index: RankIndex,
    ) -> None:
        self._database = database
        self._board_database = board_database
        self._local = local
        self._shared = shared
        self._index = index
        self._counted = CountedRanks()
        self._flight_lock = Lock()
        self._flight: tuple[int, Future[Board]] | None = None

    def top(self, limit: int = TOP, min_version: int = 0) -> Board:
        """The first `limit` rows, of a board not older than min_version if there is one.

        Raises DatabaseUnavailable when it isn't cached and PostgreSQL can't answer.
        """
        board = self._local.get(min_version)
        if board is not None:
            CACHE_READS.labels("process").inc()
        else:
            board = self._read_once(min_version)
        if limit <= TOP:
            return board.first(limit)
        found = self._board_database.read(lambda connection: rows.top(connection, limit + 1))
        return _board(board.version, found, limit, _ranks_from_top(found))

    def page(self, after: Position, limit: int) -> Board:
        """The rows that follow a place in the board's order; raises DatabaseUnavailable."""
        version = self.top().version

        def read(connection: Connection) -> Board:
            found = rows.after(connection, after, limit + 1)
            return _board(version, found, limit, self._ranks(connection, found))

        return self._board_database.read(read)

    def around(self, user_id: str, span: int) -> Board:
        """The user's row with `span` rows above and below; empty for who is not on the board."""
        version = self.top().version

        def read(connection: Connection) -> Board:
            own = rows.of_user(connection, user_id)
            if own is None:
                return Board(version, (), (), more=False)
            above = rows.before(connection, own.position, span)
            found = [*above, own, *rows.after(connection, own.position, span + 1)]
            return _board(version, found, len(above) + 1 + span, self._ranks(connection, found))

        return self._board_database.read(read)

    def rank_of(self, score: int) -> int:
        """Competition rank of a score: one more than the players with a higher one."""
        with self._database.reading() as connection:
            return self._rank_table(connection, [score])[score]

    def own_standings(self, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each of some hundred users; None while nobody can say.

        By the index alone: ranks counted in SQL are no answer for many. Raises RedisUnavailable.
        """
        return self._index.own_standings(user_ids)

    def _read_once(self, min_version: int) -> Board:
        """One read at a time in this process; who comes meanwhile shares what it finds."""
        generation = self._local.generation
        with self._flight_lock:
            flight = self._flight
            # A read that began before an invalidation may miss what the later caller has seen.
            leading = flight is None or flight[0] != generation
            if leading:
                self._flight = flight = (generation, Future())
        assert flight is not None
        future = flight[1]
        if not leading:
            board = future.result()
            return board if board.version.number >= min_version else self._read(min_version)
        try:
            board = self._read(min_version)
            self._local.put(board, generation)
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            future.set_result(board)
            return board
        finally:
            with self._flight_lock:
                if self._flight is flight:
                    self._flight = None

    def _read(self, min_version: int) -> Board:
        seen = self._local.highest_version
        try:
            reading = self._await_cached(seen, min_version)
        except RedisUnavailable:
            # Nobody can raise a version now; the board is at least as new as what was seen.
            now = int(time.time() * 1000)
            return self._read_database(BoardVersion(seen, now, now), None)
        if reading.board is not None:
            CACHE_READS.labels("redis").inc()
            return reading.board
        board = self._read_database(reading.version, reading.wal_position)
        self._share(board, reading.lease)
        return board

    def _await_cached(self, seen: int, min_version: int) -> CacheReading:
        """The cached board, or the lease to read it; waits a moment for another's reading."""
        limit = time.monotonic() + LEASE_WAIT_SECONDS
        while True:
            reading = self._shared.read(seen, min_version)
            if reading.board or reading.lease or time.monotonic() > limit:
                return reading
            time.sleep(LEASE_POLL_SECONDS)

    def _read_database(self, version: BoardVersion, position: WalPosition | None) -> Board:
        found = self._board_database.read_at(
            position, lambda connection: rows.top(connection, TOP + 1)
        )
        CACHE_READS.labels("database").inc()
        return _board(version, found, TOP, _ranks_from_top(found))

    def _share(self, board: Board, lease: str | None) -> None:
        try:
            self._shared.store(board)
            if lease:
                self._shared.release(lease)
        except RedisUnavailable:
            # The lease ends by itself, and the next reader stores its own board.
            CACHE_READS.labels("store_failed").inc()

    def _ranks(self, connection: Connection, found: Sequence[BoardRow]) -> list[int]:
        table = self._rank_table(connection, [row.position.score for row in found])
        return [table[row.position.score] for row in found]

    def _rank_table(self, connection: Connection, scores: Sequence[int]) -> dict[int, int]:
        distinct = list(dict.fromkeys(scores))
        try:
            ranks = self._index.ranks(distinct)
        except RedisUnavailable:
            ranks = None
        return ranks or self._counted.of(connection, distinct)


def _ranks_from_top(found: Sequence[BoardRow]) -> list[int]:
    ranks: list[int] = []
    for place, row in enumerate(found):
        tied = place > 0 and found[place - 1].position.score == row.position.score
        ranks.append(ranks[-1] if tied else place + 1)
    return ranks


def _board(
    version: BoardVersion, found: Sequence[BoardRow], limit: int, ranks: Sequence[int]
) -> Board:
    standings = tuple(
        Standing(rank, row.user_id, row.username, row.display_name, row.position.score)
        for rank, row in zip(ranks[:limit], found[:limit], strict=True)
    )
    positions = tuple(row.position for row in found[:limit])
    return Board(version, standings, positions, more=len(found) > limit)
