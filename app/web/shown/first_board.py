"""The board as the page contains it when it arrives: the rows that board-row.js would make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.boards.board import Better
from app.composition.api import ApiServices
from app.contract.errors import DatabaseUnavailable
from app.contract.events import LeaderboardUpdate
from app.contract.standings import TOP, Board, BoardVersion, Standing
from app.http.rate_limits import limit_read
from app.web.languages import Language
from app.web.shown.ranking import ShownRanking

MEDALS = {1: "first", 2: "second", 3: "third"}


@dataclass(frozen=True)
class FirstRow:
    """One row, as text in the page's language and as attributes of its element."""

    display_name: str
    username: str
    rank: str
    gap: str
    score: str
    medal: str
    share: str
    """The score and the leader's, the smaller as a share of the larger, in per cent with three
    digits (styles/board/shares.css)."""
    colour: int
    """The index of the player's colour (player-colours.js): that of the row, on a first board."""


@dataclass(frozen=True)
class FirstBoard:
    """The top ten of the ranking that the page shows."""

    shown: ShownRanking
    board: Board

    def data(self) -> dict[str, Any]:
        """The data of leaderboard_update; a past period has neither a version nor a time."""
        data = LeaderboardUpdate(self.board, self.shown.watched).data()
        return data | {"version": 0, "updatedAt": None} if self.shown.is_past else data

    def changed_at(self, language: Language) -> str:
        """When it last changed, for a page that has no clock and no time zone of its reader."""
        if self.shown.is_past:
            return ""
        moment = datetime.fromtimestamp(self.board.version.changed_at / 1000, UTC)
        time = language.text("age.time", time=f"{moment:%H:%M} UTC")
        return language.text("age.changed", age=time)

    def rows(self, language: Language) -> list[FirstRow]:
        """The rows in the page's language."""
        standings = self.board.rows
        better = self.shown.board.settings.better
        return [
            FirstRow(
                display_name=standing.display_name,
                username=standing.username,
                rank=language.number(standing.rank),
                gap=_gap(standings, index, better, language),
                score=language.number(standing.score),
                medal=MEDALS.get(standing.rank, ""),
                share=f"{_percent(standing.score, standings[0].score):03}",
                colour=index,
            )
            for index, standing in enumerate(standings)
        ]


def read_first_board(services: ApiServices, shown: ShownRanking) -> FirstBoard | None:
    """The top ten, of a present period from the caches; None if they and PostgreSQL fail.

    Raises RateLimited for a past period.
    """
    try:
        if not shown.is_past:
            return FirstBoard(shown, services.rankings.top(shown.watched))
        rows = _read_past(services, shown)
    except DatabaseUnavailable:
        return None
    return FirstBoard(shown, Board(BoardVersion(0, 0, 0), rows, (), more=False))


@limit_read
def _read_past(services: ApiServices, shown: ShownRanking) -> tuple[Standing, ...]:
    # Limited as in the API, because no cache has past periods.
    return services.standings.top(shown.board, shown.period, TOP).rows


def _gap(standings: tuple[Standing, ...], index: int, better: Better, language: Language) -> str:
    """As formatGap in board-row.js."""
    own = standings[index]
    above = next((row for row in reversed(standings[:index]) if row.rank < own.rank), None)
    if above is not None:
        behind = abs(above.score - own.score)
        return language.text("board.behind", points=behind, ordinal=above.rank)
    if len(standings) == 1:
        return language.text("board.leads")
    lead = abs(own.score - standings[1].score)
    if not lead:
        return language.text("board.sharesLead")
    if better == "low":
        return language.text("board.leadsLow", difference=lead)
    return language.text("board.leadsBy", count=lead)


def _percent(score: int, leaders: int) -> int:
    """As shareOf in board-changes.js, rounded as by Math.round: halves upwards."""
    if score == leaders:
        return 100
    if score * leaders <= 0:
        return 0
    small, large = sorted((abs(score), abs(leaders)))
    return math.floor(100 * (small / large) + 0.5)
