"""The contest clock of a board: when it accepts acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from app.contract.errors import ValidationFailed
from app.contract.standings import timestamp

ClockState = Literal["scheduled", "open", "closed"]
ClockTime = Literal["opens_at", "closes_at"]
ClockChange = Mapping[ClockTime, datetime | Literal["now"] | None]
"""New times; `now` is the moment of the change by PostgreSQL's clock, None is no time."""

_NAMES: Mapping[ClockTime, str] = {"opens_at": "opensAt", "closes_at": "closesAt"}


@dataclass(frozen=True)
class Clock:
    """The times of a board; None: it has opened with its creation, or never closes."""

    opens_at: datetime | None = None
    """The first moment at which acts are counted."""
    closes_at: datetime | None = None
    """The first moment at which acts are no longer counted."""

    def state_at(self, moment: datetime) -> ClockState:
        """The state at a moment by PostgreSQL's clock."""
        if self.opens_at is not None and moment < self.opens_at:
            return "scheduled"
        if self.closes_at is not None and moment >= self.closes_at:
            return "closed"
        return "open"

    def changed(self, change: ClockChange, now: datetime) -> Clock:
        """The clock after a change at that moment; raises ValidationFailed."""
        times = {name: now if time == "now" else time for name, time in change.items()}
        clock = replace(self, **times)
        problems: dict[str, list[str]] = {}
        if clock.opens_at and clock.closes_at and clock.opens_at >= clock.closes_at:
            problems["closesAt"] = ["After opensAt."]
        elif clock.closes_at != self.closes_at and clock.closes_at and clock.closes_at < now:
            # Acts from that moment on have been counted.
            problems["closesAt"] = ["Not in the past; now closes the board at once."]
        if problems:
            raise ValidationFailed(
                "; ".join(f"{name}: {each[0]}" for name, each in problems.items()), problems
            )
        return clock

    def as_json(self) -> dict[str, Any]:
        """The times in ISO 8601, null for those that are not set."""
        times = {name: getattr(self, field) for field, name in _NAMES.items()}
        return {
            name: timestamp(int(time.timestamp() * 1000)) if time else None
            for name, time in times.items()
        }
