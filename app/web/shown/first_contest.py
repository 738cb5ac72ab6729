"""The contest clock as the page contains it when it arrives, with texts of clock-banner.js."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.boards.board import MAIN_ID
from app.composition.api import ApiServices
from app.contract.details import CLOSES_AT, FREEZES_AT
from app.contract.errors import DatabaseUnavailable
from app.contract.viewers.contests import Contest
from app.web.languages import Language
from app.web.shown.ranking import ShownRanking

LABELS: Mapping[str, str] = {
    "scheduled": "clock.state.scheduled",
    "open": "clock.state.open",
    "frozen": "clock.state.frozen",
    "closed": "clock.state.closed",
    "final": "clock.state.final",
    "archived": "clock.state.archived",
}
MEANINGS: Mapping[str, str] = {
    "frozen": "clock.meaning.frozen",
    "closed": "clock.meaning.closed",
    "final": "clock.meaning.final",
    "archived": "clock.meaning.archived",
}


@dataclass(frozen=True)
class FirstContest:
    """The contest of the board that the page shows; scripts add the times in the reader's zone."""

    contest: Contest
    language: Language

    @property
    def state(self) -> str:
        """As contest-clock.js: a final board is shown as closed while its result is hidden."""
        is_final = self.contest.state == "final"
        return "closed" if is_final and self._hides else self.contest.state

    @property
    def is_shown(self) -> bool:
        """Whether the line is shown: not for a board that is open without an end."""
        return self.state != "open" or any(
            self.contest.times[name] for name in (FREEZES_AT, CLOSES_AT)
        )

    @property
    def label(self) -> str:
        return self.language.text(LABELS[self.state])

    @property
    def detail(self) -> str:
        """What the state means."""
        if self.state == "closed" and self._hides:
            return self.language.text("clock.hidden")
        meaning = MEANINGS.get(self.state)
        return self.language.text(meaning) if meaning else ""

    @property
    def _hides(self) -> bool:
        return self.contest.hides and not self.contest.is_revealed

    def data(self) -> dict[str, Any]:
        """The data of the event `contest`."""
        return self.contest.as_json()


def read_first_contest(
    services: ApiServices, shown: ShownRanking, language: Language
) -> FirstContest | None:
    """The contest at this moment; None for `main`, for a past period and without PostgreSQL."""
    if shown.board.id == MAIN_ID or shown.is_past:
        return None
    try:
        return FirstContest(services.contests.of(shown.board, shown.period.kind), language)
    except DatabaseUnavailable:
        return None
