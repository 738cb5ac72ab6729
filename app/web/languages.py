"""The page's texts in each language: one file of `texts` for each, read once at the start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from werkzeug.datastructures import LanguageAccept

from app.web.language_rules import RULES, LanguageRules

FOLDER = Path(__file__).parent / "texts"
DEFAULT = "en"


@dataclass(frozen=True)
class Language:
    """The texts of a language; the page's scripts get all of them as JSON."""

    tag: str
    """BCP 47, the name of the file; the page formats numbers and times with it too."""
    texts: Mapping[str, Any]
    rules: LanguageRules

    def text(self, key: str, **values: int | str) -> str:
        """A text by its path such as `board.title`, with values in place of its {placeholders}.

        As in common/texts.js, numbers are formatted, and `count` or `ordinal` chooses the plural
        form.
        """
        entry: Any = self.texts
        for part in key.split("."):
            entry = entry[part]
        if not isinstance(entry, str):
            entry = entry[self._plural_form(values)]
        formatted = {
            name: self.number(value) if isinstance(value, int) else value
            for name, value in values.items()
        }
        return str(entry).format_map(formatted)

    def number(self, number: int) -> str:
        """A whole number, in English 1,234."""
        return f"{number:,}".replace(",", self.rules.group_separator)

    def day(self, day: date) -> str:
        """A date with the name of the month, in English 23 November 2026."""
        return self.rules.date.format(day=day.day, month=self._month(day), year=day.year)

    def month(self, day: date) -> str:
        """The month that contains the day, in English November 2026."""
        return f"{self._month(day)} {day.year}"

    def _month(self, day: date) -> str:
        return self.rules.months[day.month - 1]

    def _plural_form(self, values: Mapping[str, int | str]) -> str:
        if "ordinal" in values:
            return self.rules.ordinal_form(int(values["ordinal"]))
        return self.rules.cardinal_form(int(values["count"]))


LANGUAGES: Mapping[str, Language] = {
    path.stem: Language(path.stem, json.loads(path.read_text(encoding="utf-8")), RULES[path.stem])
    for path in sorted(FOLDER.glob("*.json"))
}


def choose_language(accepted: LanguageAccept) -> Language:
    """The language that the client prefers (Accept-Language), or English."""
    # One at a time: for "de-AT, en;q=0.5" the library would choose "en", which matches exactly.
    for preference in accepted:
        tag = LanguageAccept([preference]).best_match([DEFAULT, *LANGUAGES])
        if tag is not None:
            return LANGUAGES[tag]
    return LANGUAGES[DEFAULT]
