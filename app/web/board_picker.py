"""Links from the page's board and period to the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import assert_never
from urllib.parse import urlencode

from app.boards.board import Board
from app.boards.periods import Period
from app.composition.api import ApiServices
from app.contract.errors import DatabaseUnavailable
from app.contract.standings import MAIN, PeriodKind
from app.web.languages import Language
from app.web.shown.ranking import ShownRanking

KINDS: Mapping[PeriodKind, str] = {
    "all": "period.kind.all",
    "day": "period.kind.day",
    "week": "period.kind.week",
    "month": "period.kind.month",
}
PREVIOUS: Mapping[PeriodKind, str] = {
    "day": "period.previous.day",
    "week": "period.previous.week",
    "month": "period.previous.month",
}
NEXT: Mapping[PeriodKind, str] = {
    "day": "period.next.day",
    "week": "period.next.week",
    "month": "period.next.month",
}
PRESENT: Mapping[PeriodKind, str] = {
    "day": "period.present.day",
    "week": "period.present.week",
    "month": "period.present.month",
}


@dataclass(frozen=True)
class Link:
    """A link to a ranking; without a text, the template has one."""

    text: str
    address: str
    is_shown: bool = False
    """Whether it leads to what the page shows."""


@dataclass(frozen=True)
class BoardPicker:
    """The links, without those of a kind that has only one."""

    boards: tuple[Link, ...]
    periods: tuple[Link, ...]
    previous: Link | None
    next: Link | None
    present: Link | None
    """The same kind of period now, if the page shows a past one."""


def board_picker(
    services: ApiServices, shown: ShownRanking, language: Language
) -> BoardPicker | None:
    """The links to other boards and periods; None if there is only `main` of all time."""
    try:
        offered = services.known_boards.offered()
    except DatabaseUnavailable:
        offered = ()
    kinds, kind = shown.board.settings.periods, shown.period.kind
    if shown.is_main and len(kinds) == 1 and len(offered) <= 1:
        return None

    def step(day: date | None, texts: Mapping[PeriodKind, str]) -> Link | None:
        if day is None:
            return None
        at = None if day == shown.present.starts_on else day
        return Link(language.text(texts[kind]), _address(shown.board, kind, at))

    return BoardPicker(
        boards=_boards(offered, shown),
        periods=tuple(
            Link(language.text(KINDS[each]), _address(shown.board, each), each == kind)
            for each in kinds
            if len(kinds) > 1
        ),
        previous=step(shown.previous, PREVIOUS),
        next=step(shown.next, NEXT),
        present=step(shown.present.starts_on if shown.is_past else None, PRESENT),
    )


def period_label(period: Period, language: Language) -> str:
    """Which period it is, such as "23 November 2026"; empty for all time."""
    if period.kind == "all" or period.starts_on is None:
        return ""
    match period.kind:
        case "day":
            return language.day(period.starts_on)
        case "week":
            return language.text("period.week", date=language.day(period.starts_on))
        case "month":
            return language.month(period.starts_on)
        case _:
            assert_never(period.kind)


def _boards(offered: tuple[Board, ...], shown: ShownRanking) -> tuple[Link, ...]:
    if all(board.id != shown.board.id for board in offered):
        offered = (shown.board, *offered)
    # `main` first, because it is the page without parameters.
    ordered = sorted(offered, key=lambda board: board.settings.key != MAIN.board)
    return tuple(
        Link(board.settings.title, _address(board), board.id == shown.board.id) for board in ordered
    )


def _address(board: Board, kind: PeriodKind | None = None, at: date | None = None) -> str:
    """Relative, so that a proxy may add a path prefix."""
    query = {} if board.settings.key == MAIN.board else {"board": board.settings.key}
    default = MAIN.period if board.settings.key == MAIN.board else board.settings.periods[0]
    if kind and kind != default:
        query["period"] = kind
    if at:
        query |= {"period": kind or "", "at": at.isoformat()}
    return f"?{urlencode(query)}" if query else "."
