"""The board as the page contains it when it arrives: the rows that board-row.js would make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime

from app.contract.errors import DatabaseUnavailable
from app.contract.standings import Board, Standing
from app.leaderboard.leaderboard import Leaderboard
from app.web.languages import Language

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
    """The score as a share of the leader's, in per cent with three digits (styles/shares.css)."""
    colour: int
    """The index of the player's colour (player-colours.js): that of the row, on a first board."""


def read_first_board(leaderboard: Leaderboard) -> Board | None:
    """The top ten from the same caches as GET /leaderboard; None if they and PostgreSQL fail."""
    try:
        return leaderboard.top()
    except DatabaseUnavailable:
        return None


def changed_at(board: Board, language: Language) -> str:
    """When the board last changed, for a page that has no clock and no time zone of its reader."""
    moment = datetime.fromtimestamp(board.version.updated_at / 1000, UTC)
    time = language.text("age.time", time=f"{moment:%H:%M} UTC")
    return language.text("age.changed", age=time)


def first_rows(board: Board, language: Language) -> list[FirstRow]:
    """The rows of a board."""
    standings = board.rows
    return [
        FirstRow(
            display_name=standing.display_name,
            username=standing.username,
            rank=language.number(standing.rank),
            gap=_gap(standings, index, language),
            score=language.number(standing.score),
            medal=MEDALS.get(standing.rank, ""),
            share=f"{_percent(standing.score, standings[0].score):03}",
            colour=index,
        )
        for index, standing in enumerate(standings)
    ]


def _gap(standings: tuple[Standing, ...], index: int, language: Language) -> str:
    """As formatGap in board-row.js."""
    own = standings[index]
    above = next((row for row in reversed(standings[:index]) if row.rank < own.rank), None)
    if above is not None:
        behind = above.score - own.score
        return language.text("board.behind", points=behind, ordinal=above.rank)
    if len(standings) == 1:
        return language.text("board.leads")
    lead = own.score - standings[1].score
    return language.text("board.leadsBy", count=lead) if lead else language.text("board.sharesLead")


def _percent(part: int, whole: int) -> int:
    """As Math.round in JavaScript: halves upwards."""
    return math.floor(100 * (part / whole) + 0.5)
