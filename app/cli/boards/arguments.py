"""The options of `flask boards` and the types of their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import click

from app.boards.board import PERIODS
from app.boards.clock import ClockChange
from app.cli.time_arguments import ClockMoment
from app.contract.details import CLOCK_TIMES
from app.contract.standings import PeriodKind


def clock_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of the contest clock, which the command gets as opens_at and so on."""
    for option, help_text in (
        ("--closes-at", "Acts are counted before this moment; none: no end."),
        ("--freezes-at", "Acts from this moment on are hidden; none: no freeze."),
        ("--opens-at", "Acts are counted from this moment on; none: at once."),
    ):
        command = click.option(option, type=ClockMoment(), help=help_text)(command)
    return command


class Points(click.ParamType[tuple[int, int]]):
    """MIN..MAX, or one number for both."""

    name = "MIN..MAX"
    _range = re.compile(r"(-?[0-9]{1,10})(?:\.\.(-?[0-9]{1,10}))?")

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        found = self._range.fullmatch(value)
        if not found:
            self.fail(f"{value!r} is not a range such as 0..1000.", param, ctx)
        return int(found[1]), int(found[2] or found[1])


class Periods(click.ParamType[tuple[PeriodKind, ...]]):
    """Kinds of periods, with commas between them."""

    name = "all,day,…"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[PeriodKind, ...]:
        chosen = [part.strip() for part in value.split(",")]
        found = tuple(kind for part in chosen for kind in PERIODS if kind == part)
        if len(found) != len(chosen):
            self.fail(
                f"{value!r} is not a list of {', '.join(PERIODS)}, as in all,week.", param, ctx
            )
        return found


def clock_change(times: Mapping[str, datetime | Literal["now", "none"] | None]) -> ClockChange:
    """The times that the command names."""
    given = ((name, times[name]) for name in CLOCK_TIMES)
    return {name: None if time == "none" else time for name, time in given if time is not None}
