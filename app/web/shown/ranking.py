"""Which board and period the page shows, by the parameters of its address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.boards.board import MAIN_ID, Board, BoardSettings
from app.boards.clock import Clock
from app.boards.periods import Period, period_at
from app.composition.api import ApiServices
from app.contract.errors import DatabaseUnavailable, NotFound
from app.contract.limits import is_supported
from app.contract.standings import MAIN, BoardPeriod, moment_text
from app.http.rate_limits import limit_read

MAIN_BOARD = Board(
    MAIN_ID,
    BoardSettings(MAIN.board, MAIN.board, scored_by="players"),
    created_at=datetime.fromtimestamp(0, UTC),
    archived_at=None,
    clock=Clock(),
    read_at=datetime.fromtimestamp(0, UTC),
)
"""The board `main` with what is known of it without PostgreSQL."""


@dataclass(frozen=True)
class ShownRanking:
    """One board in one of its periods."""

    board: Board
    period: Period
    present: Period
    """The period of the same kind that contains this moment."""

    @property
    def is_main(self) -> bool:
        """Whether it is the board of the page without parameters."""
        return self.watched == MAIN

    @property
    def is_past(self) -> bool:
        return self.period != self.present

    @property
    def is_scored_by_players(self) -> bool:
        """Whether players may score here now or later, so the page has a button for it."""
        settings = self.board.settings
        return settings.scored_by == "players" and not self.is_past and not self.board.archived_at

    @property
    def watched(self) -> BoardPeriod:
        return BoardPeriod(self.board.settings.key, self.period.kind)

    @property
    def previous(self) -> date | None:
        """A day of the period before; None if the board did not exist then."""
        starts_at, starts_on = self.period.starts_at, self.period.starts_on
        if starts_at is None or starts_on is None or starts_at <= self.board.created_at:
            return None
        return period_at(self.period.kind, "UTC", _noon(starts_on - timedelta(days=1))).starts_on

    @property
    def next(self) -> date | None:
        """The first day of the period after; None if that is in the future."""
        ends_at = self.period.ends_at
        if ends_at is None or not self.is_past:
            return None
        return period_at(self.period.kind, self.period.time_zone, ends_at).starts_on

    def for_scripts(self) -> dict[str, Any]:
        """What the page's scripts need to read and watch the same ranking (watched-board.js)."""
        settings, ends_at = self.board.settings, self.period.ends_at
        starts_at = self.period.starts_at
        return {
            "board": settings.key,
            "period": self.period.kind,
            "at": moment_text(starts_at) if starts_at and self.is_past else None,
            "endsAt": moment_text(ends_at) if ends_at and not self.is_past else None,
            "better": settings.better,
            "scoredByPlayers": self.is_scored_by_players,
        }


def shown_ranking(services: ApiServices, query: Mapping[str, str]) -> ShownRanking:
    """The ranking of the parameters `board`, `period` and `at`, a date of the board's calendar.

    Raises NotFound, RateLimited and, except for `main` of all time, DatabaseUnavailable.
    """
    key, kind = query.get("board") or MAIN.board, query.get("period")
    if key == MAIN.board:
        kind = kind or MAIN.period
        board = _main(services, kind)
    elif services.known_boards.has_found(key):
        board = services.known_boards.find(key)
    else:
        board = _find_unknown(services, key)
    settings = board.settings
    chosen = next((each for each in settings.periods if kind in {None, "", each}), None)
    if chosen is None:
        raise NotFound("The board has no periods of this kind")
    present = period_at(chosen, settings.time_zone, datetime.now(UTC))
    at = query.get("at")
    if not at or chosen == "all":
        return ShownRanking(board, present, present)
    starts_on = period_at(chosen, "UTC", _noon(_day(at))).starts_on
    period = Period(chosen, starts_on, settings.time_zone)
    starts_at = period.starts_at
    if starts_at is None or starts_at > datetime.now(UTC):
        return ShownRanking(board, present, present)
    return ShownRanking(board, period, present)


@limit_read
def _find_unknown(services: ApiServices, key: str) -> Board:
    # Limited, because each key that no board has costs a query.
    return services.known_boards.find(key)


def _main(services: ApiServices, kind: str) -> Board:
    try:
        return services.known_boards.find(MAIN.board)
    except DatabaseUnavailable:
        if kind != MAIN.period:
            raise
        # The board of all time may still be in a cache.
        return MAIN_BOARD


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not is_supported(day):
        raise NotFound("`at` is a date such as 2026-11-23")
    return day
