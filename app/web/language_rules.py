"""How each language writes numbers and dates, and chooses plural forms as `Intl` does (CLDR).

For the texts that the server renders with numbers; tests/browser/loading compares the results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

PluralForm = Callable[[int], str]


@dataclass(frozen=True)
class LanguageRules:
    """The plural forms are those of CLDR: zero, one, two, few, many, other."""

    group_separator: str
    """Between groups of three digits."""
    cardinal_form: PluralForm
    ordinal_form: PluralForm
    months: tuple[str, ...]
    date: str
    """With the placeholders day, month and year."""


def _one_or_other(number: int) -> str:
    return "one" if number == 1 else "other"


def _english_ordinal(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return "other"
    return {1: "one", 2: "two", 3: "few"}.get(number % 10, "other")


RULES: Mapping[str, LanguageRules] = {
    "en": LanguageRules(
        ",",
        _one_or_other,
        _english_ordinal,
        (
            *("January", "February", "March", "April", "May", "June", "July", "August"),
            *("September", "October", "November", "December"),
        ),
        "{day} {month} {year}",
    ),
    "de": LanguageRules(
        ".",
        _one_or_other,
        lambda _: "other",
        (
            *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August"),
            *("September", "Oktober", "November", "Dezember"),
        ),
        "{day}. {month} {year}",
    ),
}
"""By the tag of the language (BCP 47)."""
