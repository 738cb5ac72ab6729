"""One step of a reveal as viewers get it: the climb of a player."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from app.contract.standings import Standing, standing_from_json


@dataclass(frozen=True)
class Move:
    """A player's place before and after hidden acts were shown."""

    user_id: str
    username: str
    display_name: str
    from_rank: int | None
    """None, like the score, if the player had no place."""
    from_score: int | None
    to_rank: int | None
    to_score: int | None
    remaining: int
    """Acts that are still to be revealed."""
    rows: tuple[Standing, ...]
    """The player's row after the step, with the rows around it; empty without a place."""

    def as_json(self) -> dict[str, Any]:
        return {
            "userId": self.user_id,
            "username": self.username,
            "displayName": self.display_name,
            "fromRank": self.from_rank,
            "fromScore": self.from_score,
            "toRank": self.to_rank,
            "toScore": self.to_score,
            "remaining": self.remaining,
            "rows": [row.as_json() for row in self.rows],
        }

    @classmethod
    def from_json(cls, move: Mapping[str, Any]) -> Self:
        """Read what as_json() returned."""
        return cls(
            move["userId"],
            move["username"],
            move["displayName"],
            move["fromRank"],
            move["fromScore"],
            move["toRank"],
            move["toScore"],
            move["remaining"],
            tuple(standing_from_json(row) for row in move["rows"]),
        )
