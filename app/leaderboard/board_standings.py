"""The standings of any board and period, present or past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection

from app.boards.board import MAIN_ID, Board
from app.boards.periods import Period, period_at
from app.contract.errors import ValidationFailed
from app.contract.standings import OrderKey, PeriodKind, Standing
from app.leaderboard import standing_pages as pages
from app.leaderboard.standing_pages import OwnBoardStanding, StandingRow
from app.storage.database import Database

EXPORT_ROWS = 1_000
"""Rows of one statement of an export."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class StandingsPage:
    """Rows of a period, and the order key after which the next page begins."""

    period: Period
    rows: tuple[Standing, ...]
    next: OrderKey | None
    """None on the last page."""


def has_own_store(board: Board, kind: PeriodKind) -> bool:
    """Whether the standings are those of flows 3 to 7, which Leaderboard reads."""
    return board.id == MAIN_ID and kind == "all"


class BoardStandings:
    """Reads standings from PostgreSQL; every method raises DatabaseUnavailable.

    The standings of `main` and all time are in users, and Leaderboard reads them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def period(self, board: Board, kind: PeriodKind | None, at: datetime | None) -> Period:
        """The period of that kind that contains the moment; by default the first kind, now.

        Raises ValidationFailed if the board has no periods of that kind.
        """
        settings = board.settings
        chosen = kind or settings.periods[0]
        if chosen not in settings.periods:
            known = ", ".join(settings.periods)
            raise ValidationFailed("Not a period of this board", {"period": [f"One of {known}."]})
        return period_at(chosen, settings.time_zone, at or datetime.now(UTC))

    def top(self, board: Board, period: Period, limit: int) -> StandingsPage:
        """The first `limit` rows."""
        return self._page(
            board, period, limit, lambda read: pages.top(read, board.id, period, limit + 1)
        )

    def page(self, board: Board, period: Period, position: OrderKey, limit: int) -> StandingsPage:
        """The rows after this order key."""
        return self._page(
            board,
            period,
            limit,
            lambda read: pages.after(read, board.id, period, position, limit + 1),
        )

    def around(self, board: Board, period: Period, user_id: str, span: int) -> StandingsPage:
        """The user's row with `span` rows above and below; empty if the user is not listed."""

        def read(connection: Connection) -> Sequence[StandingRow]:
            own = pages.of_user(connection, board.id, period, user_id)
            if own is None:
                return ()
            above = pages.before(connection, board.id, period, own.position, span)
            below = pages.after(connection, board.id, period, own.position, span)
            return [*above, own, *below]

        return self._page(board, period, 2 * span + 1, read)

    def export(self, board: Board, period: Period) -> Iterator[Standing]:
        """All rows of the period, read in parts."""
        position, rank, number, score = None, 0, 0, None
        while True:
            with self._database.reading() as connection:
                if position is None:
                    found = pages.top(connection, board.id, period, EXPORT_ROWS)
                else:
                    found = pages.after(connection, board.id, period, position, EXPORT_ROWS)
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
        """The rank of each score that a player has."""
        with self._database.reading() as connection:
            return pages.ranks_by_score(connection, board.id, period)

    def _page(
        self,
        board: Board,
        period: Period,
        limit: int,
        read: Callable[[Connection], Sequence[StandingRow]],
    ) -> StandingsPage:
        with self._database.reading() as connection:
            found = read(connection)
            ranks = pages.ranks_of(connection, board.id, period, found[:limit])
        rows = tuple(row.ranked(rank) for row, rank in zip(found, ranks, strict=False))
        more = len(found) > limit
        return StandingsPage(period, rows, found[limit - 1].position if more else None)
