"""Handlers of a watch that record what they get."""

from __future__ import annotations

import threading
from typing import Any

from clients.python.live_scoreboard_client import Board, Contest, Rank, Reveal, State


class Recorder:
    """Handlers that record what they get."""

    def __init__(self) -> None:
        self.boards: list[Board] = []
        self.ranks: list[Rank] = []
        self.reveals: list[Reveal] = []
        self.contests: list[Contest] = []
        self.states: list[State] = []
        self._changed = threading.Condition()

    @property
    def handlers(self) -> dict[str, Any]:
        """For a watch."""
        return {**self.anonymous_handlers, "on_rank": lambda rank: self._add(self.ranks, rank)}

    @property
    def anonymous_handlers(self) -> dict[str, Any]:
        """For a watch that sends no command."""
        return {
            "on_board": lambda board: self._add(self.boards, board),
            "on_reveal": lambda reveal: self._add(self.reveals, reveal),
            "on_contest": lambda contest: self._add(self.contests, contest),
            "on_state": lambda state: self._add(self.states, state),
        }

    def await_state(self, kind: str, transport: str, seconds: float) -> None:
        """Wait until this is the latest state."""

        def reached() -> bool:
            last = self.states[-1] if self.states else State("connecting")
            return (last.kind, last.transport) == (kind, transport)

        with self._changed:
            assert self._changed.wait_for(reached, seconds), self.states

    def await_rank(self, score: int) -> None:
        """Wait for the player's own score."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: bool(self.ranks) and self.ranks[-1]["score"] == score, 10
            ), self.ranks

    def await_contest(self, state: str, number: int = 0) -> None:
        """Wait for this state of the board, after the step of that number."""

        def reached() -> bool:
            last = self.contests[-1] if self.contests else None
            return last is not None and last["state"] == state and _number(last) == number

        with self._changed:
            assert self._changed.wait_for(reached, 10), self.contests

    def await_reveal(self) -> Reveal:
        """Wait for the first step of a reveal."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.reveals), 10), self.boards
            return self.reveals[0]

    def _add(self, items: list[Any], item: Any) -> None:
        with self._changed:
            items.append(item)
            self._changed.notify_all()


def _number(contest: Contest) -> int:
    return contest["reveal"]["number"] if contest["reveal"] else 0
