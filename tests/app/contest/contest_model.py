"""A model of a contest: computes each table from the list of all acts, by the rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.boards.board import Better, Combine

Row = tuple[int, str, int]
"""Rank, player, score."""


@dataclass
class ModelAct:
    """Points of a player, or, without points, the taking back of all points until then."""

    player: str
    points: int | None
    hidden: bool


@dataclass
class ContestModel:
    """What a board has to show while its hidden acts are revealed."""

    better: Better
    combine: Combine
    acts: list[ModelAct] = field(default_factory=list)
    banned: set[str] = field(default_factory=set)

    def table(self) -> list[Row]:
        """The shown standings."""
        order = self._order()
        scores = [score for _, _, score in order]
        return [(scores.index(score) + 1, player, score) for _, player, score in order]

    def next(self) -> str | None:
        """The player whose act is revealed next."""
        waiting = {act.player for act in self.acts if act.hidden} - self.banned
        order = self._order()
        unplaced = sorted(waiting - {player for _, player, _ in order})
        if unplaced:
            # One whose points were only taken back comes first, then the latest first act.
            return max(unplaced, key=self._first)
        return next((player for _, player, _ in reversed(order) if player in waiting), None)

    def remaining(self) -> int:
        """Acts that are to be revealed."""
        waiting = {act.player for act in self.acts if act.hidden} - self.banned
        return sum(max(1, len(self._to_reveal(player))) for player in waiting)

    def reveal(self, player: str) -> None:
        """Show what was taken back from the player, and one act."""
        oldest = self._to_reveal(player)[:1]
        for position, act in enumerate(self.acts):
            if act.player == player and (
                act.points is None or position in oldest or self._taken_back(position)
            ):
                act.hidden = False

    def reveal_player(self, player: str) -> None:
        """Show all acts of the player."""
        for act in self.acts:
            act.hidden = act.hidden and act.player != player

    def _first(self, player: str) -> int:
        found = self._to_reveal(player)
        return found[0] if found else len(self.acts)

    def _to_reveal(self, player: str) -> list[int]:
        return [
            position
            for position, act in enumerate(self.acts)
            if act.player == player
            and act.hidden
            and act.points is not None
            and not self._taken_back(position)
        ]

    def _taken_back(self, position: int, *, shown: bool = False) -> bool:
        """Whether a later entry takes the act back; `shown`: one that is shown."""
        return any(
            act.points is None
            and act.player == self.acts[position].player
            and not (shown and act.hidden)
            for act in self.acts[position:]
        )

    def _order(self) -> list[tuple[tuple[int, int], str, int]]:
        rows = []
        for player in {act.player for act in self.acts} - self.banned:
            points = [
                (position, act.points)
                for position, act in enumerate(self.acts)
                if act.player == player and act.points is not None and not act.hidden
                if not self._taken_back(position, shown=True)
            ]
            scores = [self._score([p for _, p in points[: n + 1]]) for n in range(len(points))]
            if not scores or (scores[-1] == 0 and (self.better, self.combine) == ("high", "sum")):
                continue
            # The act since which the score is what it is.
            reached = len(scores) - 1
            while reached and scores[reached - 1] == scores[-1]:
                reached -= 1
            sign = -1 if self.better == "high" else 1
            rows.append(((sign * scores[-1], points[reached][0]), player, scores[-1]))
        return sorted(rows)

    def _score(self, points: Sequence[int]) -> int:
        if self.combine == "best":
            return max(points) if self.better == "high" else min(points)
        return sum(points) if self.combine == "sum" else points[-1]
