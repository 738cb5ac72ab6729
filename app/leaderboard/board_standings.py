"""The standings of any board and period, present or past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from app.boards.board import MAIN_ID, Board
from app.boards.periods import Period, period_at
from app.contract import keys
from app.contract.errors import RedisUnavailable, ValidationFailed
from app.contract.limits import SUPPORTED_YEARS, is_supported
from app.contract.standings import TOP, OrderKey, PeriodKind, Standing
from app.leaderboard import board_rows
from app.leaderboard import standing_pages as pages
from app.leaderboard.rank_index import RankIndex
from app.leaderboard.rankings import Rankings, ranking_of
from app.leaderboard.replica_reads import ReplicaReads
from app.leaderboard.standing_pages import OwnBoardStanding, StandingRow
from app.storage.database import Database

EXPORT_ROWS = 1_000
"""Rows of one statement of an export."""


@dataclass(frozen=True)
class StandingsPage:
    """Rows of a period, and the order key after which the next page begins."""

    period: Period
    rows: tuple[Standing, ...]
    next: OrderKey | None
    """None on the last page."""
    version: int | None
    """The version of the board that has these rows; None for a period that is over."""


def has_own_store(board: Board, kind: PeriodKind) -> bool:
    """Whether the standings are those of flows 3 to 7, which Leaderboard reads."""
    return board.id == MAIN_ID and kind == "all"


class BoardStandings:
    """Reads the standings of any period; every method raises DatabaseUnavailable.

    The top ten of a present period comes from the cache in Redis and its ranks from the rank index;
    all else comes from PostgreSQL. The standings of `main` and all time are in users, and
    Leaderboard reads them.
    """

    def __init__(
        self, database: Database, reads: ReplicaReads, index: RankIndex, rankings: Rankings
    ) -> None:
        self._database = database
        self._reads = reads
        self._index = index
        self._rankings = rankings

    def period(self, board: Board, kind: PeriodKind | None, at: datetime | None) -> Period:
        """The period of that kind that contains the moment; by default the first kind, now.

        Raises ValidationFailed if the board has no periods of that kind, or no moment of that year
        can be chosen.
        """
        settings = board.settings
        chosen = kind or settings.periods[0]
        if chosen not in settings.periods:
            known = ", ".join(settings.periods)
            raise ValidationFailed("Not a period of this board", {"period": [f"One of {known}."]})
        if at is not None and not is_supported(at):
            raise ValidationFailed("Not a moment of a period", {"at": [SUPPORTED_YEARS]})
        return period_at(chosen, settings.time_zone, at or datetime.now(UTC))

    def top(self, board: Board, period: Period, limit: int, min_version: int = 0) -> StandingsPage:
        """The first `limit` rows, not older than min_version if that version exists."""
        version = None
        if _is_present(period):
            cached = self._rankings.top_of(board, period, min_version)
            version = cached.version.number
            if limit <= TOP:
                found = cached.first(limit)
                return StandingsPage(period, found.rows, found.next, version)

        def read(connection: Connection) -> Sequence[StandingRow]:
            return pages.top(connection, board.id, period, limit + 1)

        return self._page(board, period, limit, version, read)

    def page(self, board: Board, period: Period, position: OrderKey, limit: int) -> StandingsPage:
        """The rows after this order key."""

        def read(connection: Connection) -> Sequence[StandingRow]:
            return pages.after(connection, board.id, period, position, limit + 1)

        return self._page(board, period, limit, self._version(board, period), read)

    def around(self, board: Board, period: Period, user_id: str, span: int) -> StandingsPage:
        """The user's row with `span` rows above and below; empty if the user is not listed."""

        def read(connection: Connection) -> Sequence[StandingRow]:
            return pages.around(connection, board.id, period, user_id, span)

        return self._page(board, period, 2 * span + 1, self._version(board, period), read)

    def export(self, board: Board, period: Period) -> Iterator[Standing]:
        """All rows of the period, read in parts; also those of `main` and all time."""
        main = has_own_store(board, period.kind)
        rank, number, score = 0, 0, None
        position: OrderKey | None = None
        while True:
            with self._database.reading() as connection:
                if main:
                    found = _main_rows(connection, position)
                else:
                    found = _period_rows(connection, board, period, position)
            for row in found:
                number += 1
                rank = rank if row.score == score else number
                score = row.score
                yield row.ranked(rank)
            if len(found) < EXPORT_ROWS:
                return
            position = found[-1].position

    def of_user(self, user_id: str) -> list[OwnBoardStanding]:
        """The user's standings in the present periods of all boards but `main` of all time."""
        with self._database.reading() as connection:
            return pages.all_of_user(connection, user_id)

    def ranks(self, board: Board, period: Period) -> dict[int, int]:
        """The rank of each score that a player has, counted in PostgreSQL."""
        with self._database.reading() as connection:
            return pages.ranks_by_score(connection, board.id, period)

    def rank_of(self, board: Board, period: Period, score: int) -> int:
        """The rank of a score, whether or not a player has it, counted in PostgreSQL."""
        with self._database.reading() as connection:
            order_score = -board.settings.index_score(score)
            return pages.rank_of(connection, board.id, period, order_score)

    def _version(self, board: Board, period: Period) -> int | None:
        """The version that the rows read next will have at least; None if the period is over."""
        return self._rankings.top_of(board, period).version.number if _is_present(period) else None

    def _page(
        self,
        board: Board,
        period: Period,
        limit: int,
        version: int | None,
        read: Callable[[Connection], Sequence[StandingRow]],
    ) -> StandingsPage:
        def read_page(connection: Connection) -> StandingsPage:
            found = read(connection)
            ranks = self._ranks(connection, board, period, found[:limit])
            rows = tuple(row.ranked(rank) for row, rank in zip(found, ranks, strict=False))
            following = found[limit - 1].position if len(found) > limit else None
            return StandingsPage(period, rows, following, version)

        if version is None:
            # No position is recorded that a replica must have replayed.
            with self._database.reading() as connection:
                return read_page(connection)
        return self._reads.read(read_page, keys.of_ranking(ranking_of(board, period)))

    def _ranks(
        self, connection: Connection, board: Board, period: Period, rows: Sequence[StandingRow]
    ) -> list[int]:
        if _is_present(period):
            scores = {row.position.score for row in rows}
            try:
                places = self._index.places(ranking_of(board, period), scores)
            except RedisUnavailable:
                places = None
            if places is not None:
                return [places[row.position.score].rank for row in rows]
        return pages.ranks_of(connection, board.id, period, rows)


def _is_present(period: Period) -> bool:
    return period == period_at(period.kind, period.time_zone, datetime.now(UTC))


def _period_rows(
    connection: Connection, board: Board, period: Period, position: OrderKey | None
) -> list[StandingRow]:
    if position is None:
        return pages.top(connection, board.id, period, EXPORT_ROWS)
    return pages.after(connection, board.id, period, position, EXPORT_ROWS)


def _main_rows(connection: Connection, position: OrderKey | None) -> list[StandingRow]:
    if position is None:
        found = board_rows.top(connection, EXPORT_ROWS)
    else:
        found = board_rows.after(connection, position, EXPORT_ROWS)
    return [
        StandingRow(
            row.user_id,
            row.username,
            row.display_name,
            row.position.score,
            row.position,
            row.revision,
        )
        for row in found
    ]
