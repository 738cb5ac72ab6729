"""The leaderboard: the top ten from the caches, other pages and "around me" from PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from app.accounts.display_names import stored_form
from app.accounts.rules import username_key
from app.concurrency.single_flight import SingleFlight
from app.contract.errors import RedisUnavailable
from app.contract.keys import MAIN_KEYS
from app.contract.standings import (
    MAIN_RANKING,
    TOP,
    Board,
    BoardVersion,
    OrderKey,
    OwnStandings,
    Standing,
    ranks_from_top,
)
from app.leaderboard import board_rows as rows
from app.leaderboard.board_cache import LocalBoard, SharedReads
from app.leaderboard.board_rows import BoardRow
from app.leaderboard.index.near_rows import ROWS_READ, ReadBoard
from app.leaderboard.rank_index import RankIndex
from app.leaderboard.replica_reads import ReplicaReads
from app.leaderboard.sql_ranks import SqlRanks
from app.metrics.counters import CACHE_READS
from app.storage.database import Database
from app.storage.wal import WalPosition


class Leaderboard:
    """Reads the board; the top ten through three levels: process, Redis, PostgreSQL (flow 7)."""

    def __init__(
        self,
        database: Database,
        board_database: ReplicaReads,
        local: LocalBoard,
        shared: SharedReads,
        index: RankIndex,
    ) -> None:
        self._database = database
        self._board_database = board_database
        self._local = local
        self._shared = shared
        self._index = index
        self._sql_ranks = SqlRanks()
        self._flights: SingleFlight[int, Board] = SingleFlight()

    def top(self, limit: int = TOP, min_version: int = 0) -> Board:
        """The first `limit` rows, of a board not older than min_version if that version exists.

        Raises DatabaseUnavailable if the board is not cached and PostgreSQL can't answer.
        """
        board = self._local.get(min_version)
        if board is not None:
            CACHE_READS.labels("process").inc()
        else:
            board = self._read_shared(min_version)
        if limit <= TOP:
            return board.first(limit)
        found = self._board_database.read(lambda connection: rows.top(connection, limit + 1))
        return _board(board.version, found, limit, _ranks_from_top(found))

    def page_after(self, position: OrderKey, limit: int) -> Board:
        """The rows after this order key; raises DatabaseUnavailable."""
        version = self.top().version

        def read(connection: Connection) -> Board:
            found = rows.after(connection, position, limit + 1)
            ranks = self._ranks(connection, found)
            # The position is that of a row, so this row comes before the page.
            return _board(version, found, limit, ranks, more_before=bool(found))

        return self._board_database.read(read)

    def page_before(self, position: OrderKey, limit: int) -> Board:
        """The rows before this order key, in the board's order; raises DatabaseUnavailable."""
        version = self.top().version

        def read(connection: Connection) -> Board:
            found = rows.before(connection, position, limit + 1)
            page = found[-limit:]
            ranks = self._ranks(connection, page)
            board = _board(version, page, limit, ranks, more_before=len(found) > limit)
            # The position is that of a row, so this row follows.
            return replace(board, more=bool(page))

        return self._board_database.read(read)

    def around(self, user_id: str, span: int) -> Board:
        """The user's row with `span` rows above and below; empty if not on the board."""
        version = self.top().version

        def read(connection: Connection) -> Board:
            own = rows.of_user(connection, user_id)
            if own is None:
                return Board(version, (), (), more=False)
            before = rows.before(connection, own.position, span + 1)
            above = before[1:] if len(before) > span else before
            found = [*above, own, *rows.after(connection, own.position, span + 1)]
            ranks, limit = self._ranks(connection, found), len(above) + 1 + span
            return _board(version, found, limit, ranks, more_before=len(before) > span)

        return self._board_database.read(read)

    def search(self, prefix: str, limit: int) -> Board:
        """The first `limit` players with a name that begins with a text.

        First come players whose username begins with it, by username. Then come players with a word
        of their display name that begins with it, by the display name from this word on. Letter
        case and spaces around the text don't count. `more` says that further players may match.
        Raises DatabaseUnavailable.
        """
        version, name, key = self.top().version, stored_form(prefix), username_key(prefix)

        def read(connection: Connection) -> Board:
            found, more = rows.by_username(connection, key, limit) if key else ([], False)
            if len(found) < limit or not more:
                left = limit - len(found)
                others, more_others = rows.by_display_name(connection, name, key, left)
                found, more = found + others, more or more_others
            board = _board(version, found, limit, self._ranks(connection, found))
            return replace(board, more=more)

        return self._board_database.read(read)

    def rank_of(self, score: int) -> int:
        """Competition rank: one more than the number of players with a higher score."""
        with self._database.reading() as connection:
            return self._rank_table(connection, [score])[score]

    def players(self) -> int:
        """The number of players on the board; takes 0.1 s per million."""
        with self._database.reading() as connection:
            return rows.count(connection)

    def own_standings(self, user_ids: Sequence[str]) -> OwnStandings | None:
        """Score and rank of each user, for some hundred users; None if the index is not complete.

        Never counted in SQL, which takes too long for hundreds of ranks. Raises RedisUnavailable.
        """
        return self._index.own_standings(MAIN_RANKING, user_ids)

    def _read_shared(self, min_version: int) -> Board:
        """Read once for all callers of this process that ask at the same time."""
        # A read that began before an invalidation may miss a change that a later caller knows of.
        generation = self._local.generation

        def read() -> Board:
            board = self._read(min_version)
            self._local.put(board, generation)
            return board

        board, joined = self._flights.run(generation, read)
        if joined and board.version.number < min_version:
            return self._read(min_version)
        return board

    def _read(self, min_version: int) -> Board:
        seen = self._local.highest_version
        return self._shared.read(MAIN_KEYS, seen, min_version, self._read_database)

    def _read_database(self, version: BoardVersion, position: WalPosition | None) -> ReadBoard:
        found = self._board_database.read_at(
            position, lambda connection: rows.top(connection, ROWS_READ)
        )
        return ReadBoard(_board(version, found, TOP, _ranks_from_top(found)), found)

    def _ranks(self, connection: Connection, found: Sequence[BoardRow]) -> list[int]:
        table = self._rank_table(connection, [row.position.score for row in found])
        return [table[row.position.score] for row in found]

    def _rank_table(self, connection: Connection, scores: Sequence[int]) -> dict[int, int]:
        distinct = list(dict.fromkeys(scores))
        if not distinct:
            return {}
        try:
            places = self._index.places(MAIN_RANKING, distinct)
        except RedisUnavailable:
            places = None
        if places is None:
            return self._sql_ranks.of(connection, distinct)
        return {score: place.rank for score, place in places.items()}


def _ranks_from_top(found: Sequence[BoardRow]) -> list[int]:
    return ranks_from_top([row.position.score for row in found])


def _board(
    version: BoardVersion,
    found: Sequence[BoardRow],
    limit: int,
    ranks: Sequence[int],
    *,
    more_before: bool = False,
) -> Board:
    standings = tuple(
        Standing(rank, row.user_id, row.username, row.display_name, row.position.score)
        for rank, row in zip(ranks[:limit], found[:limit], strict=True)
    )
    positions = tuple(row.position for row in found[:limit])
    return Board(version, standings, positions, len(found) > limit, more_before)
