"""Periods of a board: which one contains a moment, and when it begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import assert_never
from zoneinfo import ZoneInfo

from app.contract.standings import PeriodKind


@dataclass(frozen=True)
class Period:
    """One day, week or month in a time zone, or all time."""

    kind: PeriodKind
    starts_on: date | None
    """Its first day; None for all time."""
    time_zone: str

    @property
    def starts_at(self) -> datetime | None:
        """Its first moment; None for all time."""
        return _midnight(self.starts_on, self.time_zone) if self.starts_on else None

    @property
    def ends_at(self) -> datetime | None:
        """The first moment after it; None for all time."""
        if self.starts_on is None:
            return None
        return _midnight(_next_start(self.kind, self.starts_on), self.time_zone)


def period_at(kind: PeriodKind, time_zone: str, moment: datetime) -> Period:
    """The period that contains the moment, as period_start() of PostgreSQL computes it.

    Weeks start on Monday.
    """
    day = moment.astimezone(ZoneInfo(time_zone)).date()
    match kind:
        case "all":
            return Period(kind, None, time_zone)
        case "day":
            return Period(kind, day, time_zone)
        case "week":
            return Period(kind, day - timedelta(days=day.weekday()), time_zone)
        case "month":
            return Period(kind, day.replace(day=1), time_zone)
        case _:
            assert_never(kind)


def _next_start(kind: PeriodKind, starts_on: date) -> date:
    match kind:
        case "all":
            raise ValueError("All time has no first day")
        case "day":
            return starts_on + timedelta(days=1)
        case "week":
            return starts_on + timedelta(days=7)
        case "month":
            return (starts_on + timedelta(days=31)).replace(day=1)
        case _:
            assert_never(kind)


def _midnight(day: date, time_zone: str) -> datetime:
    """The first moment of the day, in UTC."""
    # fold=0 is the earlier moment if clocks are set back over midnight. If they are set forward
    # over midnight, Python takes the offset of before the change, which gives the change itself.
    local = datetime.combine(day, time.min, ZoneInfo(time_zone))
    return local.astimezone(UTC)
