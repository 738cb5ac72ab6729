"""What the server sends, as the JSON has it, and what the caller gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from .uuid7 import new_id

Period = Literal["all", "day", "week", "month"]
Status = Literal[
    "counted",
    "repeated",
    "conflict",
    "banned",
    "unknown_user",
    "unknown_board",
    "not_open",
    "out_of_range",
    "expired",
    "invalid",
]


class Row(TypedDict):
    """One player on a board. `rank` is competition rank: 1, 2, 2, 4."""

    rank: int
    userId: str
    username: str
    displayName: str
    score: int


class Board(TypedDict):
    """The top ten. A board that is read over HTTP may have no version and no times."""

    leaderboard: list[Row]
    version: NotRequired[int]
    updatedAt: NotRequired[str]
    committedAt: NotRequired[str]
    board: NotRequired[str]
    period: NotRequired[str]


class Rank(TypedDict):
    """The player's own score and rank; the rank is None if the player is not on the board."""

    score: int
    rank: int | None
    version: int


class Move(TypedDict):
    """The climb of a player. A rank or score is None if the player had, or has, no place.

    `remaining` are the acts that are still hidden, `rows` the player's row and those around it.
    """

    userId: str
    username: str
    displayName: str
    fromRank: int | None
    fromScore: int | None
    toRank: int | None
    toScore: int | None
    remaining: int
    rows: list[Row]


class Reveal(Move):
    """A step of a contest's reveal."""

    version: int
    board: str
    period: Period


class Clock(TypedDict):
    """The state of a board and its times, in ISO 8601 or None."""

    state: Literal["scheduled", "open", "frozen", "closed", "final", "archived"]
    opensAt: str | None
    freezesAt: str | None
    closesAt: str | None
    thawedAt: str | None
    finalizedAt: str | None


class NextPlayer(TypedDict):
    """The player whose hidden acts are shown next; without a place, rank and score are None."""

    userId: str
    username: str
    displayName: str
    rank: int | None
    score: int | None


class LastStep(TypedDict):
    """The last step of a reveal."""

    number: int
    remaining: int
    last: Move
    next: NextPlayer | None


class Contest(Clock):
    """The clock of a board, and the last step of its reveal or None."""

    reveal: LastStep | None
    board: str
    period: Period


class Settings(Clock):
    """The rules of a board, its clock and its state."""

    key: str
    title: str
    better: Literal["high", "low"]
    combine: Literal["sum", "best", "latest"]
    scoredBy: Literal["players", "service"]
    points: dict[Literal["min", "max"], int]
    periods: list[Period]
    timeZone: str
    createdAt: str


class Event(TypedDict):
    """An event of the server, as it was received."""

    event: str
    data: NotRequired[dict[str, Any]]


class Outcome(TypedDict):
    """The player's standing after a point, and the first version of the board that shows it."""

    newScore: int
    newRank: int
    boardVersion: int | None
    warning: NotRequired[dict[str, Any]]
    """Set if the player's requests look automated."""


class Result(TypedDict):
    """The answer to one act of a service."""

    id: str
    status: Status
    score: NotRequired[int]
    rank: NotRequired[int]
    details: NotRequired[dict[str, Any]]


@dataclass(frozen=True)
class State:
    """How a watch receives its board.

    `kind` is "connecting", "live" (over `transport` "websocket" or "stream"), "polling", "waiting"
    (for the next attempt, because of `cause`) or "ended" (for good, because of `cause`).
    """

    kind: Literal["connecting", "live", "polling", "waiting", "ended"]
    transport: str = ""
    cause: str = ""
    retry_seconds: float = 0.0


@dataclass(frozen=True)
class Act:
    """Points for one player on one board. Keep the act to repeat it: its id makes it count once."""

    board: str
    points: int
    username: str | None = None
    user_id: str | None = None
    label: str | None = None
    id: str = field(default_factory=new_id)

    def as_json(self) -> dict[str, Any]:
        """The act as the API takes it."""
        fields = {
            "id": self.id,
            "board": self.board,
            "points": self.points,
            "username": self.username,
            "userId": self.user_id,
            "label": self.label,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True)
class Handlers:
    """The functions that a watch calls; each is optional and must return soon."""

    on_board: Callable[[Board], None] | None = None
    on_rank: Callable[[Rank], None] | None = None
    on_reveal: Callable[[Reveal], None] | None = None
    on_contest: Callable[[Contest], None] | None = None
    on_state: Callable[[State], None] | None = None
    on_event: Callable[[Event], None] | None = None
