"""The change from one board to the next in a message, so that no board has to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, Self

from app.contract.standings import (
    Board,
    BoardVersion,
    OrderKey,
    Standing,
    bounded_version,
    ranks_from_top,
)

NO_ACTION = 0
"""Part of an order key that a message does not contain; it decides only between equal times."""


class Rise(NamedTuple):
    """A better score of a player who is on the board already."""

    user_id: str
    score: int
    """The index score."""
    reached_at: int
    """Microseconds since 1970."""


@dataclass(frozen=True)
class BoardDelta:
    """All that changed between two versions of a board."""

    after: int
    """The version before the change."""
    version: BoardVersion
    """The version with the change."""
    rises: tuple[Rise, ...]

    @classmethod
    def from_json(cls, version: int, delta: Mapping[str, Any]) -> Self:
        """Read what apply.lua wrote; raises ValueError, KeyError, TypeError or OverflowError.

        A time or version that this system can't have made is a ValueError.
        """
        rises = tuple(
            Rise(str(user_id), int(score), int(reached_at))
            for user_id, score, reached_at in delta["rises"]
        )
        times = int(delta["updatedAt"]), int(delta["committedAt"])
        if any(not 0 <= number == bounded_version(number) for number in (version, *times)):
            raise ValueError("a version is the time in ms")
        return cls(int(delta["after"]), BoardVersion(version, *times), rises)


def board_after(
    board: Board, deltas: Iterable[BoardDelta], shown: Callable[[int], int]
) -> Board | None:
    """The board after these changes, in their order; None if it has to be read.

    Changes that the board has already are ignored. `shown` makes a score of an index score.
    """
    version = board.version
    rows = {row.user_id: (key, row) for key, row in zip(board.order_keys, board.rows, strict=True)}
    for delta in deltas:
        if delta.version.number <= version.number:
            continue
        if delta.after != version.number:
            return None
        version = delta.version
        for user_id, score, reached_at in delta.rises:
            if user_id not in rows:
                return None
            key, row = rows[user_id]
            # The board may have been read after a later change of the player.
            if score > key.score:
                key = OrderKey(score, reached_at, NO_ACTION)
                rows[user_id] = key, replace(row, score=shown(score))
    return _ordered(board, version, rows.values())


def _ordered(
    board: Board, version: BoardVersion, rows: Iterable[tuple[OrderKey, Standing]]
) -> Board | None:
    ordered = sorted(rows, key=lambda each: (-each[0].score, each[0].reached_at))
    keys = tuple(key for key, _ in ordered)
    if any((a.score, a.reached_at) == (b.score, b.reached_at) for a, b in pairwise(keys)):
        return None
    ranks = ranks_from_top([key.score for key in keys])
    found = tuple(
        row if row.rank == rank else replace(row, rank=rank)
        for rank, (_, row) in zip(ranks, ordered, strict=True)
    )
    return Board(version, found, keys, board.more)
