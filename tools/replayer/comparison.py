"""Compares the board with the expected table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """A player's rank and points."""

    rank: int
    points: int

    def __str__(self) -> str:
        return f"rank {self.rank} with {self.points}"


def competition_ranks(points: Mapping[str, int], better: str = "high") -> dict[str, Standing]:
    """The table of these points: a rank is one more than the number of players with better points.

    So equal points share a rank, and the next one is skipped (1, 2, 2, 4). `better`: `high` or
    `low`.
    """
    ranks: dict[int, int] = {}
    ordered = sorted(points.values(), reverse=better == "high")
    for position, each in enumerate(ordered, start=1):
        ranks.setdefault(each, position)
    return {name: Standing(ranks[each], each) for name, each in points.items()}


def differences(expected: Mapping[str, Standing], board: Mapping[str, Standing]) -> list[str]:
    """One line per player whose standings differ, or that is in only one of the tables.

    A player with 0 expected points is expected not to be on the board.
    """
    lines: list[str] = []
    scorers = {name: standing for name, standing in expected.items() if standing.points > 0}
    for name, standing in scorers.items():
        if name not in board:
            lines.append(f"{name}: not on the board, expected {standing}")
        elif board[name] != standing:
            lines.append(f"{name}: {board[name]} on the board, expected {standing}")
    for name, standing in board.items():
        if name not in scorers:
            lines.append(f"{name}: {standing} on the board, not expected there")
    return lines
