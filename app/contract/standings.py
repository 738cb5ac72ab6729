"""The board as everybody sees it: rows, their order, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

TOP = 10
"""Rows of the board that is cached and broadcast."""


@dataclass(frozen=True)
class Standing:
    """One row. Order: score down, then who reached it first (reached_at, then action id).

    rank is competition rank (1, 2, 2, 4): one more than the players with a higher score.
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
    """A player's own score and competition rank; rank None: not on the board."""

    score: int
    rank: int | None


@dataclass(frozen=True)
class OwnStandings:
    """Own standings of some players at one moment, in the order asked for."""

    version: int
    """Of the board that held then."""
    own: tuple[OwnStanding, ...]


@dataclass(frozen=True)
class Position:
    """Where a row stands in the board's order; a page goes on after it."""

    score: int
    reached_at: int
    """Microseconds since 1970."""
    action_id: int


@dataclass(frozen=True)
class BoardVersion:
    """Which state of the top ten a board shows: a number that only grows."""

    number: int
    updated_at: int
    """When the top ten may last have changed, ms since 1970."""
    committed_at: int
    """When the change behind it was committed, ms since 1970."""


@dataclass(frozen=True)
class Board:
    """Rows of the board with the version they were read at."""

    version: BoardVersion
    rows: tuple[Standing, ...]
    positions: tuple[Position, ...]
    """Of each row."""
    more: bool
    """Whether further rows follow."""

    def first(self, limit: int) -> Board:
        """The same board, at most `limit` rows of it."""
        if limit >= len(self.rows):
            return self
        return Board(self.version, self.rows[:limit], self.positions[:limit], more=True)

    def dump(self) -> str:
        """The board as one string for the cache."""
        version = self.version
        return json.dumps(
            [
                [version.number, version.updated_at, version.committed_at],
                [row.as_json() for row in self.rows],
                [[p.score, p.reached_at, p.action_id] for p in self.positions],
                self.more,
            ],
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, dumped: str) -> Board:
        """The board that dump made into `dumped`."""
        version, rows, positions, more = json.loads(dumped)
        return cls(
            BoardVersion(*version),
            tuple(standing_from_json(row) for row in rows),
            tuple(Position(*position) for position in positions),
            more,
        )


@dataclass(frozen=True)
class Score:
    """What somebody had at a moment, in µs since 1970."""

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


def standing_from_json(row: Mapping[str, Any]) -> Standing:
    return Standing(row["rank"], row["userId"], row["username"], row["displayName"], row["score"])


def timestamp(milliseconds: int) -> str:
    """ms since 1970 as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
