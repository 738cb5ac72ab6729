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
    """A player after a change, who is on the board if the score is good enough."""

    user_id: str
    score: int
    """The index score."""
    reached_at: int
    """Microseconds since 1970."""
    username: str
    """ "" if the process that published the change has not read the names."""
    display_name: str


@dataclass(frozen=True)
class TopAfterFall:
    """The rows after a change by which a player fell or left the board."""

    scores_before: tuple[tuple[str, int | None], ...]
    """Each player who changed, with the index score before; None: the player was not listed."""
    rows: tuple[RowChange, ...]
    """The top ten in its order, with names, as the rank index has it."""
    more: bool
    """Whether further players follow."""

    @classmethod
    def from_json(cls, delta: Mapping[str, Any]) -> Self:
        """Read what apply.lua wrote; raises what BoardDelta.from_json raises."""
        scores = tuple(
            (str(user_id), None if score is None else int(score))
            for user_id, score in delta["changed"]
        )
        return cls(scores, _changes_from_json(delta["top"]), bool(delta["more"]))


@dataclass(frozen=True)
class BoardDelta:
    """All that changed between two versions of a board."""

    after: int
    """The version before the change."""
    version: BoardVersion
    """The version with the change."""
    rows: tuple[RowChange, ...]
    """The players who changed; empty if one of them fell or left."""
    top: TopAfterFall | None = None
    """Set only if a player fell or left."""

    @classmethod
    def from_json(cls, version: int, delta: Mapping[str, Any]) -> Self:
        """Read what apply.lua wrote; raises ValueError, KeyError, TypeError or OverflowError.

        A time or version that this system can't have made is a ValueError.
        """
        top = TopAfterFall.from_json(delta) if "top" in delta else None
        rows = () if top else _changes_from_json(delta["rows"])
        times = int(delta["updatedAt"]), int(delta["committedAt"])
        if any(not 0 <= number == bounded_version(number) for number in (version, *times)):
            raise ValueError("a version is the time in ms")
        return cls(int(delta["after"]), BoardVersion(version, *times), rows, top)


_Rows = dict[str, tuple[OrderKey, Standing]]
"""The rows of a board by user id, with their order keys."""


def board_after(
    board: Board, deltas: Iterable[BoardDelta], shown: Callable[[int], int]
) -> Board | None:
    """The board after these changes, in their order; None if it has to be read.

    Changes that the board has already are ignored. `shown` makes a score of an index score.
    """
    version, more = board.version, board.more
    rows = {row.user_id: (key, row) for key, row in zip(board.order_keys, board.rows, strict=True)}
    for delta in deltas:
        if delta.version.number <= version.number:
            continue
        if delta.after != version.number:
            return None
        version = delta.version
        if delta.top is not None:
            fallen = _after_fall(rows, delta.top, shown)
            if fallen is None:
                return None
            rows, more = fallen, delta.top.more
        for change in delta.rows:
            known = rows.get(change.user_id)
            if known is None and not change.username:
                return None
            # The board may have been read after a later change of the player.
            if known is None or change.score >= known[0].score:
                rows[change.user_id] = _changed(change, known and known[1], shown)
    ordered = _ordered(rows)
    if ordered is None:
        return None
    # The players who are not on the board are behind the last one of it.
    first = ordered[:TOP]
    ranks = ranks_from_top([key.score for key, _ in first])
    found = tuple(
        row if row.rank == rank else replace(row, rank=rank)
        for rank, (_, row) in zip(ranks, first, strict=True)
    )
    keys = tuple(key for key, _ in first)
    return Board(version, found, keys, more or len(ordered) > TOP)


def _after_fall(rows: _Rows, top: TopAfterFall, shown: Callable[[int], int]) -> _Rows | None:
    """The rows after a fall; None if the board has to be read.

    The board and the rank index may each have changes that the other has not. Then another player
    differs than those of the message and those who move up from below the board, or pushed out of
    it.
    """
    ordered = _ordered(rows)
    if ordered is None:
        return None
    before = {row.user_id: (key, row) for key, row in ordered[:TOP]}
    changes = {change.user_id: change for change in top.rows}
    scores_before = set(top.scores_before)
    changed = {user_id for user_id, _ in scores_before}
    lowest = _position(top.rows[-1]) if len(top.rows) >= TOP else None
    for user_id, (key, _) in before.items():
        change = changes.get(user_id)
        if user_id in changed:
            has_change = change is not None and change.score == key.score
            consistent = has_change or (user_id, key.score) in scores_before
        elif change is None:
            consistent = lowest is not None and _position(key) > lowest
        else:
            consistent = _position(key) == _position(change)
        if not consistent:
            return None
    last = _position(ordered[TOP - 1][0]) if len(ordered) >= TOP else None
    after: _Rows = {}
    for user_id, change in changes.items():
        known = before.get(user_id)
        if user_id in changed:
            after[user_id] = _changed(change, known and known[1], shown)
        elif known is not None:
            after[user_id] = known
        elif last is not None and _position(change) > last:
            after[user_id] = _changed(change, None, shown)
        else:
            return None
    return after


def _changed(
    change: RowChange, row: Standing | None, shown: Callable[[int], int]
) -> tuple[OrderKey, Standing]:
    score = shown(change.score)
    if row is None or (score == row.score and change.username):
        row = Standing(0, change.user_id, change.username, change.display_name, score)
    # After a point the names stay, because those of the board may have been read later.
    return OrderKey(change.score, change.reached_at, NO_ACTION), replace(row, score=score)


def _position(row: OrderKey | RowChange) -> tuple[int, int]:
    """What orders the rows of a board; equal ones are ordered by their action."""
    return -row.score, row.reached_at


def _ordered(rows: _Rows) -> list[tuple[OrderKey, Standing]] | None:
    """The rows in the order of a board; None if only the action decides between two of them."""
    ordered = sorted(rows.values(), key=lambda each: (-each[0].score, each[0].reached_at))
    if any(_position(a) == _position(b) for (a, _), (b, _) in pairwise(ordered)):
        return None
    return ordered


def _changes_from_json(rows: Iterable[Any]) -> tuple[RowChange, ...]:
    changes = tuple(
        RowChange(str(user_id), int(score), int(reached_at), str(username), str(display_name))
        for user_id, score, reached_at, username, display_name in rows
    )
    # Raises for half of a surrogate pair, which no frame can have.
    "".join(row.username + row.display_name for row in changes).encode()
    return changes
