"""Durations and times as operators type them: 30m, 2h, 7d, 2026-11-23T20:00."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import click

from app.moderation.moderation import MAX_SANCTION_SECONDS

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


class Duration(click.ParamType[int]):
    """A number with s, m, h or d; the value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        seconds = _parse_seconds(value)
        if seconds is None or not 1 <= seconds <= MAX_SANCTION_SECONDS:
            self.fail(f"{value!r} is not a duration such as 30m, 2h or 7d.", param, ctx)
        return seconds


class _TimeOrDuration(click.ParamType[datetime]):
    """A time, absolute or as a duration from now; without an offset it is in UTC."""

    direction: ClassVar[Literal[-1, 1]]

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        seconds = _parse_seconds(value)
        try:
            if seconds is not None:
                return datetime.now(UTC) + self.direction * timedelta(seconds=seconds)
            time = datetime.fromisoformat(value)
            # Without this, astimezone() would read a time without an offset as local time.
            time = time if time.tzinfo else time.replace(tzinfo=UTC)
            return time.astimezone(UTC)
        except (ValueError, OverflowError):
            message = f"{value!r} is neither a duration such as 2h nor an ISO 8601 time."
            self.fail(message, param, ctx)


class Since(_TimeOrDuration):
    """A time, or a duration before now."""

    name = "2h|time"
    direction = -1


class Until(_TimeOrDuration):
    """A time, or a duration after now."""

    name = "30d|time"
    direction = 1


class ClockMoment(click.ParamType[datetime | Literal["now", "none"]]):
    """A time of a board's clock."""

    name = "now|none|2h|time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime | Literal["now", "none"]:
        return value if value in {"now", "none"} else Until().convert(value, param, ctx)


def format_time(time: datetime | None, if_none: str = "-") -> str:
    """The time in UTC, to the second."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if time else if_none


def _parse_seconds(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNIT_SECONDS[found[2]] if found else None
