"""What the board should hold against what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a player stands in a table."""

    rank: int
    points: int

    def __str__(self) -> str:
        return f"rank {self.rank} with {self.points}"


def competition_ranks(points: Mapping[str, int]) -> dict[str, Place]:
    """The table of these points: a rank is one more than the players with more (1, 2, 2, 4)."""
    ranks: dict[int, int] = {}
    for position, each in enumerate(sorted(points.values(), reverse=True), start=1):
        ranks.setdefault(each, position)
    return {name: Place(ranks[each], each) for name, each in points.items()}


def differences(expected: Mapping[str, Place], board: Mapping[str, Place]) -> list[str]:
    """One line a player whose place isn't the expected one, or who is in only one of the tables.

    A player expected with 0 points is expected not to be on the board.
    """
    lines: list[str] = []
    scorers = {name: place for name, place in expected.items() if place.points > 0}
    for name, place in scorers.items():
        if name not in board:
            lines.append(f"{name}: not on the board, expected {place}")
        elif board[name] != place:
            lines.append(f"{name}: {board[name]} on the board, expected {place}")
    for name, place in board.items():
        if name not in scorers:
            lines.append(f"{name}: {place} on the board, not expected there")
    return lines
