"""The contest clock of a board: when it accepts acts, and when it hides them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from app.contract.details import (
    CLOCK_TIMES,
    CLOSES_AT,
    FINALIZED_AT,
    FREEZES_AT,
    OPENS_AT,
    THAWED_AT,
    ClockTime,
)
from app.contract.errors import ValidationFailed
from app.contract.limits import SUPPORTED_YEARS, is_supported
from app.contract.standings import moment_text

ClockState = Literal["scheduled", "open", "frozen", "closed", "final"]
ClockChange = Mapping[ClockTime, datetime | Literal["now"] | None]
"""New times, which are used to the millisecond, as they are shown; `now` is the moment of the
change by PostgreSQL's clock, None is no time."""


@dataclass(frozen=True)
class Clock:
    """The times of a board. None: it is open from its creation on, never freezes, never closes."""

    opens_at: datetime | None = None
    """The first moment at which acts are counted."""
    freezes_at: datetime | None = None
    """The first moment at which acts are hidden, until the board is unfrozen."""
    closes_at: datetime | None = None
    """The first moment at which acts are no longer counted."""
    thawed_at: datetime | None = None
    """When the hidden acts were shown."""
    finalized_at: datetime | None = None
    """When the standings were declared final, after the board had closed."""

    def state_at(self, moment: datetime) -> ClockState:
        """The state at a moment by PostgreSQL's clock."""
        if self.finalized_at is not None:
            return "final"
        if self.opens_at is not None and moment < self.opens_at:
            return "scheduled"
        if self.closes_at is not None and moment >= self.closes_at:
            return "closed"
        return "frozen" if self.hides_at(moment) else "open"

    def hides_at(self, moment: datetime) -> bool:
        """Whether acts of that moment are hidden at present, also if the board has closed."""
        return self.freezes_at is not None and self.freezes_at <= moment and self.thawed_at is None

    def changed(self, change: ClockChange, now: datetime) -> Clock:
        """The clock after a change at that moment; raises ValidationFailed."""
        times = {
            name: now if time == "now" else time and in_milliseconds(time)
            for name, time in change.items()
        }
        clock = replace(self, **times)
        if clock.freezes_at != self.freezes_at:
            # The new time belongs to another freeze, which has not ended.
            clock = replace(clock, thawed_at=None)
        problems = dict(self._problems(clock, now))
        if problems:
            raise ValidationFailed(
                "; ".join(f"{name}: {problem}" for name, problem in problems.items()),
                {name: [problem] for name, problem in problems.items()},
            )
        return clock

    def _problems(self, clock: Clock, now: datetime) -> Iterator[tuple[str, str]]:
        """What is wrong with a clock that follows this one, as (name, sentence)."""
        opens, freezes, closes = clock.opens_at, clock.freezes_at, clock.closes_at
        if self.finalized_at:
            for name, field in ((name, field) for field, name in CLOCK_TIMES.items()):
                if getattr(self, field) != getattr(clock, field):
                    yield name, "The board is final."
            return
        for field, name in CLOCK_TIMES.items():
            time = getattr(clock, field)
            if time and not is_supported(time):
                yield name, SUPPORTED_YEARS
                return
        if freezes != self.freezes_at and self.hides_at(now):
            yield FREEZES_AT, "The board is frozen; unfreeze it first."
        elif freezes != self.freezes_at and freezes and freezes < now:
            # Acts from that moment on have been shown.
            yield FREEZES_AT, "Not in the past; now freezes the board at once."
        elif freezes and opens and freezes < opens:
            yield FREEZES_AT, f"Not before {OPENS_AT}."
        if opens and closes and opens >= closes:
            yield CLOSES_AT, f"After {OPENS_AT}."
        elif freezes and closes and freezes > closes:
            yield CLOSES_AT, f"Not before {FREEZES_AT}."
        elif closes != self.closes_at and closes and closes < now:
            # Acts from that moment on have been counted.
            yield CLOSES_AT, "Not in the past; now closes the board at once."

    def as_json(self) -> dict[str, Any]:
        """The times in ISO 8601, null for those that are not set."""
        times = {name: getattr(self, field) for field, name in CLOCK_TIMES.items()}
        times |= {THAWED_AT: self.thawed_at, FINALIZED_AT: self.finalized_at}
        return {name: moment_text(time) if time else None for name, time in times.items()}


def in_milliseconds(moment: datetime) -> datetime:
    """The moment without its microseconds, as clients see it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
