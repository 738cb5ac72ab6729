"""A board and the rules for its settings."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from app.boards.clock import Clock, ClockState
from app.contract.details import FREEZES_AT, TIME_ZONE
from app.contract.details import SCORED_BY as SCORED_BY_FIELD
from app.contract.errors import ValidationFailed
from app.contract.standings import PeriodKind

Better = Literal["high", "low"]
Combine = Literal["sum", "best", "latest"]
ScoredBy = Literal["players", "service"]
BoardState = ClockState | Literal["archived"]

BETTER: tuple[Better, ...] = get_args(Better)
COMBINE: tuple[Combine, ...] = get_args(Combine)
SCORED_BY: tuple[ScoredBy, ...] = get_args(ScoredBy)
PERIODS: tuple[PeriodKind, ...] = get_args(PeriodKind)
STATES: tuple[BoardState, ...] = (*get_args(ClockState), "archived")

MAIN_ID = 0
MAIN_KEY = "main"
"""The board `main` always exists. Its standings of all time are in the table users."""
MAX_POINTS = 1_000_000_000
"""The largest amount of one act, with either sign."""
MAX_TITLE_LENGTH = 100
KEY = re.compile(r"[a-z0-9-]{1,64}\Z")


@dataclass(frozen=True)
class BoardSettings:
    """The settings of a board; only its title can change later, and `main` can get more periods."""

    key: str
    """Its address: 1 to 64 of a-z, 0-9 and `-`."""
    title: str
    better: Better = "high"
    combine: Combine = "sum"
    """How the score is computed from the acts of a player."""
    scored_by: ScoredBy = "service"
    min_points: int = 1
    """The fewest points of one act."""
    max_points: int = 1
    """The most points of one act."""
    periods: tuple[PeriodKind, ...] = ("all",)
    """Each is a leaderboard of its own. Replies to acts show the score of the first."""
    time_zone: str = "UTC"
    """IANA name. It decides when days, weeks and months begin."""

    def check(self) -> None:
        """Raise ValidationFailed, with a message for each setting that is wrong."""
        wrong = {name: message for name, message in self._problems() if message}
        if wrong:
            details = {name: [message] for name, message in wrong.items()}
            raise ValidationFailed("; ".join(f"{n}: {m}" for n, m in wrong.items()), details)

    def check_clock(self, clock: Clock) -> None:
        """Raise ValidationFailed if a board of these settings can't have the clock."""
        if clock.freezes_at is not None and self.scored_by != "service":
            problem = "Only a board that a service scores on can freeze."
            raise ValidationFailed(f"{FREEZES_AT}: {problem}", {FREEZES_AT: [problem]})

    def index_score(self, score: int) -> int:
        """The index score of a score, or the score of an index score (docs/glossary.md)."""
        return score if self.better == "high" else -score

    def _problems(self) -> Sequence[tuple[str, str]]:
        in_range = -MAX_POINTS <= self.min_points <= self.max_points <= MAX_POINTS
        return (
            ("key", "" if KEY.match(self.key) else "1 to 64 of a-z, 0-9 and '-'."),
            ("title", _title_problem(self.title)),
            ("points", "" if in_range else f"MIN..MAX within -{MAX_POINTS}..{MAX_POINTS}."),
            ("periods", _periods_problem(self.periods)),
            (TIME_ZONE, _time_zone_problem(self.time_zone)),
            (SCORED_BY_FIELD, self._players_problem()),
        )

    def _players_problem(self) -> str:
        usual = (self.better, self.combine) == ("high", "sum")
        if self.scored_by == "players" and not (usual and self.min_points == self.max_points == 1):
            return "Players score one point an act: better=high, combine=sum, points 1..1."
        return ""


@dataclass(frozen=True)
class Board:
    """A board as it is stored."""

    id: int
    settings: BoardSettings
    created_at: datetime
    archived_at: datetime | None
    clock: Clock
    read_at: datetime
    """When the row was read, by PostgreSQL's clock."""

    @property
    def state(self) -> BoardState:
        """The state when the row was read."""
        return "archived" if self.archived_at else self.clock.state_at(self.read_at)


def board_key(text: str) -> str:
    """The text if a board can have this key; raises ValidationFailed."""
    if not KEY.match(text):
        raise ValidationFailed("1 to 64 of a-z, 0-9 and '-'.")
    return text


def _title_problem(title: str) -> str:
    printable = title.isprintable() and title == title.strip()
    if printable and 1 <= len(title) <= MAX_TITLE_LENGTH:
        return ""
    return f"1 to {MAX_TITLE_LENGTH} printable characters, without spaces around them."


def _periods_problem(periods: Sequence[str]) -> str:
    known = set(periods) <= set(PERIODS)
    if periods and known and len(set(periods)) == len(periods):
        return ""
    return f"One or more of {', '.join(PERIODS)}, each once."


def _time_zone_problem(name: str) -> str:
    # PostgreSQL also accepts abbreviations and POSIX rules, which Python does not know.
    if name in zoneinfo.available_timezones():
        return ""
    return "An IANA name, such as Europe/Zurich."
