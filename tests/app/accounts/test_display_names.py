"""Display names: what they may contain, and the reserved names."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from app.accounts.display_names import display_name
from app.contract.errors import ValidationFailed
from tests.support.players import PASSWORD
from tests.support.services import Services

ACCEPTED = [
    "Ada L.",
    "Nguyễn Thị Hồng",
    "نجيب محفوظ",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs the non-joiner
    "क्\u200dष",  # Devanagari needs the joiner after a virama
    "ශ්\u200dරී ලංකා",
    "ภาษาไทยที่นี่",
    "שָׁלוֹם",
    "བསྒྲུབས",
    "日本 太郎",
    "👩\u200d👩\u200d👧\u200d👦 family",
    "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "🏳\ufe0f\u200d🌈",
    "1\ufe0f\u20e3",
    "👍🏽",
    "★ 7 → 8",
    "Ada Петрова",
    "<b>'\"\\",
]
HIDDEN = {
    "unassigned, ignorable": "\u2065",
    "reserved tag": "\U000e0000",
    "tag outside a flag": "\U000e0067",
    "null notehead": "\U0001d159",
    "musical format": "\U0001d173",
    "empty Braille": "\u2800",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul choseong filler": "\u115f",
    "Egyptian blank": "\U00013441",
    "Khmer inherent vowel": "\u17b4",
    "Khitan filler": "\U00016fe4",
    "grapheme joiner": "\u034f",
    "Mongolian selector": "\u180b",
    "Mongolian vowel separator": "\u180e",
    "variation selector": "\ufe01",
    "variation selector 17": "\U000e0100",
    "text selector": "\ufe0e",
    "zero-width space": "\u200b",
    "word joiner": "\u2060",
    "invisible times": "\u2062",
    "soft hyphen": "\u00ad",
    "byte order mark": "\ufeff",
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "mark of direction": "\u200f",
    "Arabic letter mark": "\u061c",
    "annotation": "\ufff9",
    "object replacement": "\ufffc",
    "shorthand format": "\U0001bca0",
    "joiner": "\u200d",
    "non-joiner": "\u200c",
    "private use": "\ue000",
    "not a character": "\uffff",
    "line separator": "\u2028",
    "control": "\x07",
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_names_of_all_scripts_and_emoji_are_accepted(name: str) -> None:
    assert display_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("character", HIDDEN.values(), ids=HIDDEN.keys())
@pytest.mark.parametrize("shape", ["{}", "{0}{0}{0}", "Ada{} L.", "Ada L.{}", "{}Ada L."])
def test_a_character_that_shows_nothing_is_refused_anywhere(shape: str, character: str) -> None:
    with pytest.raises(ValidationFailed):
        display_name(shape.format(character))


@pytest.mark.parametrize(
    "name",
    [
        "a\u200db",
        "🙂\u200d🙂",
        "🙂\ufe0f\u200d",
        "A\ufe0fda",
        "👩\u200d👩\u200dAda",
        "🏴\U000e0067\U000e0062",
        "म\u200cम",
        "\u0645\u06cc\u200c",
        "क्\u200d\u200dष",
    ],
)
def test_a_joiner_that_joins_nothing_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailed):
        display_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "A" + "\u0316" * 96,
        "A\u0316\u0317\u0318\u0319\u031c",
        "A\u0334\u0334",
        "A\u20dd\u20de\u20df\u20e0\u20e2",
        "\u0e01\u0e49\u0e49\u0e49",
        "क" + "\u094d\u200d" * 20,
        "A" + "\u0334\u0335\u0336\u0337\u0338" + "da",
    ],
)
def test_more_marks_on_a_letter_than_scripts_need_are_refused(name: str) -> None:
    with pytest.raises(ValidationFailed):
        display_name(name)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("Ada  L.", "Ada L."),
        ("Ada\u00a0L.", "Ada L."),
        ("\u3000Ada\u2003\u2009L.\u202f", "Ada L."),
        ("e\u0301" * 100, "é" * 100),
    ],
)
def test_spaces_that_look_alike_are_stored_as_one(given: str, stored: str) -> None:
    assert display_name(given) == stored


@pytest.mark.parametrize("name", ["\u0410da L.", "Ad\u03b1", "\u041cike", "P\u0430yp\u0430l 7"])
def test_a_word_that_mixes_alphabets_is_refused(name: str) -> None:
    with pytest.raises(ValidationFailed, match="one alphabet"):
        display_name(name)


@pytest.mark.parametrize("name", ["admin", "ADMIN", "moderator", "system", "_ad.min-", "System."])
def test_a_reserved_username_can_not_be_registered(services: Services, name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.accounts.register(name, PASSWORD, "Ada")
    assert refused.value.details == {"username": ["This name is reserved."]}


@pytest.mark.parametrize(
    "name",
    [
        "Admin",
        "★ admin ★",
        "Mode-rator",
        "ADMIN!",
        "\uff21\uff44\uff4d\uff49\uff4e",  # full width
        "\U0001d412\U0001d432\U0001d42c\U0001d42d\U0001d41e\U0001d426",  # mathematical bold
    ],
)
def test_a_reserved_display_name_can_not_be_registered(services: Services, name: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        services.accounts.register("ada", PASSWORD, display_name(name))
    assert refused.value.details == {"displayName": ["This name is reserved."]}


@pytest.mark.parametrize("name", ["administrator", "sysadmin", "eco.system", "admin2"])
def test_names_that_contain_a_reserved_one_can_be_registered(services: Services, name: str) -> None:
    services.accounts.register(name, PASSWORD, name)


def test_the_reserved_names_are_a_setting(make_services: Callable[..., Services]) -> None:
    services = make_services(RESERVED_NAMES="Referee, jury")
    services.accounts.register("admin", PASSWORD, "admin")
    for name in ("referee", "JURY"):
        with pytest.raises(ValidationFailed):
            services.accounts.register(name, PASSWORD, "Ada")
