"""Durations and moments as operators type them: 30m, 2h, 7d, 2026-11-23T20:00."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from app.services.moderation import LONGEST_SECONDS

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})([smhd])")


class Duration(click.ParamType[int]):
    """A number of s, m, h or d; the value is in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        seconds = _seconds(value)
        if seconds is None or not 1 <= seconds <= LONGEST_SECONDS:
            self.fail(f"{value!r} is no duration such as 30m, 2h or 7d.", param, ctx)
        return seconds


class Since(click.ParamType[datetime]):
    """A moment, or how long ago it was; without an offset it is in UTC."""

    name = "2h|time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        seconds = _seconds(value)
        try:
            if seconds is not None:
                return datetime.now(UTC) - timedelta(seconds=seconds)
            moment = datetime.fromisoformat(value)
            # Python would take a naive one for local time.
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is neither like 30m, 2h or 7d nor an ISO 8601 time.", param, ctx)


def shown(moment: datetime | None, otherwise: str = "-") -> str:
    """A moment in UTC, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}" if moment else otherwise


def _seconds(text: str) -> int | None:
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _SECONDS[found[2]] if found else None
