"""The change from one board to the next in a message, so that no board has to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple, Self

from app.contract.standings import (
    TOP,
    Board,
    BoardVersion,
    OrderKey,
    Standing,
    bounded_version,
    ranks_from_top,
)

NO_ACTION = 0
"""Part of an order key that a message does not contain; it decides only between equal times."""


class RowChange(NamedTuple):
    """A player who is on the board after the change if the score is good enough.

    The score is not worse than before: the player is new, scored, or has other names.
    """

    user_id: str
    score: int
    """The index score."""
    reached_at: int
    """Microseconds since 1970."""
    username: str
    """ "" if the process that published the change has not read the names."""
    display_name: str


@dataclass(frozen=True)
class BoardDelta:
    """All that changed between two versions of a board."""

    after: int
    """The version before the change."""
    version: BoardVersion
    """The version with the change."""
    rows: tuple[RowChange, ...]

    @classmethod
    def from_json(cls, version: int, delta: Mapping[str, Any]) -> Self:
        """Read what apply.lua wrote; raises ValueError, KeyError, TypeError or OverflowError.

        A time or version that this system can't have made is a ValueError.
        """
        rows = tuple(
            RowChange(str(user_id), int(score), int(reached_at), str(username), str(display_name))
            for user_id, score, reached_at, username, display_name in delta["rows"]
        )
        # Raises for half of a surrogate pair, which no frame can have.
        "".join(row.username + row.display_name for row in rows).encode()
        times = int(delta["updatedAt"]), int(delta["committedAt"])
        if any(not 0 <= number == bounded_version(number) for number in (version, *times)):
            raise ValueError("a version is the time in ms")
        return cls(int(delta["after"]), BoardVersion(version, *times), rows)


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
        for change in delta.rows:
            known = rows.get(change.user_id)
            if known is None and not change.username:
                return None
            # The board may have been read after a later change of the player.
            if known is None or change.score >= known[0].score:
                rows[change.user_id] = _changed(change, known and known[1], shown)
    return _ordered(board, version, rows.values())


def _changed(
    change: RowChange, row: Standing | None, shown: Callable[[int], int]
) -> tuple[OrderKey, Standing]:
    score = shown(change.score)
    if row is None or (score == row.score and change.username):
        row = Standing(0, change.user_id, change.username, change.display_name, score)
    # After a point the names stay, because those of the board may have been read later.
    return OrderKey(change.score, change.reached_at, NO_ACTION), replace(row, score=score)


def _ordered(
    board: Board, version: BoardVersion, rows: Iterable[tuple[OrderKey, Standing]]
) -> Board | None:
    ordered = sorted(rows, key=lambda each: (-each[0].score, each[0].reached_at))
    keys = [key for key, _ in ordered]
    if any((a.score, a.reached_at) == (b.score, b.reached_at) for a, b in pairwise(keys)):
        return None
    # The players who are not on the board are behind the last one of it.
    first = ordered[:TOP]
    ranks = ranks_from_top([key.score for key, _ in first])
    found = tuple(
        row if row.rank == rank else replace(row, rank=rank)
        for rank, (_, row) in zip(ranks, first, strict=True)
    )
    return Board(version, found, tuple(keys[:TOP]), board.more or len(ordered) > TOP)
