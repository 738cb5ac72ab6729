"""The leaderboard as clients see it: rows, their order, and their JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

PeriodKind = Literal["all", "day", "week", "month"]

TOP = 10
"""Rows of the board that is cached and broadcast."""
MAX_VERSION_LEAD_MS = 86_400_000
"""A version is close to Redis' time in ms since 1970. A version further ahead was not made by this
system and is ignored, because no version could follow one that is too large for a Lua number."""


class BoardPeriod(NamedTuple):
    """What a viewer watches: a board in the period of that kind that contains the present."""

    board: str
    """The board's key."""
    period: PeriodKind


MAIN = BoardPeriod("main", "all")
"""The board of flows 3 to 7."""


class Ranking(NamedTuple):
    """One leaderboard: a board in one period."""

    board: str
    """The board's key."""
    period: PeriodKind
    starts_on: date | None
    """The first day in the board's time zone; None for all time."""

    @property
    def watched(self) -> BoardPeriod:
        """What a viewer of this ranking watches while the period is the present one."""
        return BoardPeriod(self.board, self.period)


MAIN_RANKING = Ranking("main", "all", None)


@dataclass(frozen=True)
class Standing:
    """One row. Order: highest score first; of equal scores, the one reached first.

    Ties of `reached_at` are ordered by action id. `rank` is competition rank (1, 2, 2, 4): one
    more than the number of players with a higher score.
    """

    rank: int
    user_id: str
    username: str
    display_name: str
    score: int

    def as_json(self) -> dict[str, Any]:
        return {
            "rank": self.rank,
            "userId": self.user_id,
            "username": self.username,
            "displayName": self.display_name,
            "score": self.score,
        }


@dataclass(frozen=True)
class OwnStanding:
    """A player's own score and competition rank; the rank is None if not on the board."""

    score: int
    rank: int | None


@dataclass(frozen=True)
class OwnStandings:
    """Own standings of several players at the same board version, in the order of the request."""

    version: int
    own: tuple[OwnStanding, ...]


class Outcome(NamedTuple):
    """A player's standing after an increment."""

    score: int
    rank: int
    board_version: int | None
    """The first board version that shows the increment; None if Redis was unavailable."""

    def as_json(self) -> dict[str, int | None]:
        return {
            "newScore": self.score,
            "newRank": self.rank,
            "boardVersion": self.board_version,
        }


@dataclass(frozen=True)
class OrderKey:
    """The sort key of a row; a page continues after the key of its last row."""

    score: int
    reached_at: int
    """Microseconds since 1970."""
    action_id: int


@dataclass(frozen=True)
class BoardVersion:
    """The version of the top ten that a board shows.

    Its number decreases only if Redis' clock is set back by more than MAX_VERSION_LEAD_MS.
    """

    number: int
    updated_at: int
    """When the top ten may last have changed, ms since 1970."""
    committed_at: int
    """When that change was committed, ms since 1970; 0 if a rebuild of the index raised it."""
    last_score_at: int | None = field(default=None, compare=False)
    """When the newest score of the top ten was reached, ms since 1970, if a read or a rebuild made
    this version; None if a change did, or without rows."""

    @property
    def changed_at(self) -> int:
        """When the top ten last changed, as far as it is known, ms since 1970."""
        return self.updated_at if self.last_score_at is None else self.last_score_at

    def replaces(self, number: int) -> bool:
        """Whether it is newer than that number, or the number is too far ahead of Redis' time."""
        return self.number > number or number > self.updated_at + MAX_VERSION_LEAD_MS


@dataclass(frozen=True)
class Board:
    """Rows of the leaderboard and the version at which they were read."""

    version: BoardVersion
    rows: tuple[Standing, ...]
    order_keys: tuple[OrderKey, ...]
    """One for each row."""
    more: bool
    """Whether further rows follow."""
    more_before: bool = False
    """Whether further rows come before. Never of the board that is cached, so dump() omits it."""

    @property
    def next(self) -> OrderKey | None:
        """The order key after which the next page begins; None if no rows follow."""
        return self.order_keys[-1] if self.more and self.order_keys else None

    def first(self, limit: int) -> Board:
        """The first `limit` rows of this board."""
        if limit >= len(self.rows):
            return self
        return Board(self.version, self.rows[:limit], self.order_keys[:limit], more=True)

    def dump(self) -> str:
        """Serialize the board for the cache."""
        version = self.version
        return json.dumps(
            [
                [version.number, version.updated_at, version.committed_at],
                [row.as_json() for row in self.rows],
                [[key.score, key.reached_at, key.action_id] for key in self.order_keys],
                self.more,
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, dumped: str) -> Board:
        """Read what dump() returned."""
        version, rows, order_keys, more = json.loads(dumped)
        return cls(
            BoardVersion(*version),
            tuple(standing_from_json(row) for row in rows),
            tuple(OrderKey(*order_key) for order_key in order_keys),
            more,
        )


@dataclass(frozen=True)
class Score:
    """A player's score at a time, in µs since 1970."""

    at: int
    score: int

    def as_json(self) -> dict[str, Any]:
        return {"at": timestamp(self.at // 1000), "score": self.score}


@dataclass(frozen=True)
class Series:
    """One player's scores over time, the oldest first."""

    standing: Standing
    points: tuple[Score, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            **self.standing.as_json(),
            "points": [point.as_json() for point in self.points],
        }


def bounded_version(number: int) -> int:
    """The version from a message, or 0 if it is too far ahead of this process's clock."""
    return number if number <= time.time() * 1000 + MAX_VERSION_LEAD_MS else 0


def ranks_from_top(scores: Sequence[int]) -> list[int]:
    """Competition ranks of the first rows of a board, from their scores in its order."""
    ranks: list[int] = []
    for index, score in enumerate(scores):
        tied = index > 0 and scores[index - 1] == score
        ranks.append(ranks[-1] if tied else index + 1)
    return ranks


def standing_from_json(row: Mapping[str, Any]) -> Standing:
    """Read what Standing.as_json() returned."""
    return Standing(row["rank"], row["userId"], row["username"], row["displayName"], row["score"])


def microseconds(moment: datetime) -> int:
    """µs since 1970."""
    return round(moment.timestamp() * 1_000_000)


def timestamp(milliseconds: int) -> str:
    """Format ms since 1970 as ISO 8601 in UTC."""
    return moment_text(datetime.fromtimestamp(milliseconds / 1000, UTC))


def moment_text(moment: datetime) -> str:
    """Format a moment as ISO 8601 in UTC, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
