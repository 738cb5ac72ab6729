"""The contest of a board as viewers get it: its clock, and the last step of its reveal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from app.contract.details import FREEZES_AT, THAWED_AT
from app.contract.viewers.reveals import Move


@dataclass(frozen=True)
class NextPlayer:
    """The player whose hidden acts are shown next, with the place at the moment of the step."""

    user_id: str
    username: str
    display_name: str
    rank: int | None
    """None, like the score, if the player has no place."""
    score: int | None

    def as_json(self) -> dict[str, Any]:
        return {
            "userId": self.user_id,
            "username": self.username,
            "displayName": self.display_name,
            "rank": self.rank,
            "score": self.score,
        }

    @classmethod
    def from_json(cls, player: Mapping[str, Any]) -> Self:
        """Read what as_json() returned."""
        return cls(
            player["userId"],
            player["username"],
            player["displayName"],
            player["rank"],
            player["score"],
        )


@dataclass(frozen=True)
class RevealedStep:
    """What a step of a reveal announces to viewers, except for names the same until the next one.

    So it does not show that more acts were hidden, or a player was banned, after the step.
    """

    last: Move
    """The last climb of the step."""
    next: NextPlayer | None
    """None if nothing was left to reveal."""

    def as_json(self) -> dict[str, Any]:
        return {"last": self.last.as_json(), "next": self.next and self.next.as_json()}

    @property
    def is_last(self) -> bool:
        """Whether it announces that nothing remains hidden."""
        return not self.last.remaining

    @classmethod
    def from_json(cls, step: Mapping[str, Any]) -> Self:
        """Read what as_json() returned."""
        following = step["next"]
        return cls(
            Move.from_json(step["last"]), NextPlayer.from_json(following) if following else None
        )


@dataclass(frozen=True)
class Contest:
    """The clock of a board, and the last step of its reveal."""

    state: str
    times: Mapping[str, str | None]
    """opensAt and so on, in ISO 8601."""
    number: int = 0
    """The number of the last step of the reveal; 0 if there is none."""
    step: RevealedStep | None = None
    """None if there is no step."""

    @property
    def is_plain(self) -> bool:
        """Whether the board is open and has no times."""
        return self.state == "open" and not any(self.times.values())

    @property
    def hides(self) -> bool:
        """Whether acts are hidden, or may be."""
        frozen = self.times[FREEZES_AT] and not self.times[THAWED_AT]
        return bool(frozen) and self.state in {"frozen", "closed", "final"}

    @property
    def is_revealed(self) -> bool:
        """Whether the last step announced that nothing remains hidden."""
        return self.step is not None and self.step.is_last

    def as_json(self) -> dict[str, Any]:
        step = self.step
        reveal = step and {
            "number": self.number,
            "remaining": step.last.remaining,
            **step.as_json(),
        }
        return {"state": self.state, **self.times, "reveal": reveal}
