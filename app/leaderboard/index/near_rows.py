"""The rows near the top ten, of which apply.lua makes the new top ten after a player fell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from app.contract.standings import Board, OrderKey

ROWS_READ = 20
"""Rows that are read for a board: those of the board, and the players who may move up into it."""


class NearRow(Protocol):
    """A row as it was read. A row at a revision never changes."""

    @property
    def user_id(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def display_name(self) -> str: ...
    @property
    def position(self) -> OrderKey: ...
    @property
    def revision(self) -> int: ...


class ReadBoard(NamedTuple):
    """A board that was read from PostgreSQL."""

    board: Board
    rows: Sequence[NearRow]
    """The rows of the board and those below it, ROWS_READ at most."""

    def near_arguments(self) -> list[str | int]:
        """The last arguments of store_board.lua: the lowest score, and user and text of each row.

        The lowest score is "" if there are no players below these rows.
        """
        lowest = self.rows[-1].position.score if len(self.rows) >= ROWS_READ else ""
        arguments: list[str | int] = [lowest]
        for row in self.rows:
            arguments += [row.user_id, _text(row)]
        return arguments


def _text(row: NearRow) -> str:
    # Only the names are JSON, because they become a part of a message.
    names = ",".join(
        json.dumps(each, ensure_ascii=False) for each in (row.username, row.display_name)
    )
    return f"{row.revision} {row.position.score} {row.position.reached_at} {names}"
