"""The page in German: every text that a user can read is from the file of the language."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from app.web.languages import LANGUAGES
from tests.app.web.test_languages import PLACEHOLDER, TEXTS
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    expect,
    player_just_below_top_ten,
    refuse_streams,
)
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

if TYPE_CHECKING:
    from playwright.sync_api import Page

GERMAN = {"locale": "de-DE", "timezone_id": "Europe/Berlin"}
READABLE = """() => {
    const texts = [];
    for (const element of document.querySelectorAll("body *")) {
        const data = element.closest("[translate=no]") !== null;
        if (element.matches("script, noscript")) continue;
        const shown = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE);
        if (!data) texts.push(...shown.map(({ data }) => data));
        texts.push(element.getAttribute("aria-label"));
    }
    return texts.map((text) => text?.trim()).filter((text) => /\\p{L}/u.test(text ?? ""));
}"""

pytestmark = pytest.mark.slow


def test_a_player_reads_only_german(open_page: OpenPage, running_system: SystemHarness) -> None:
    rival, player = running_system.register(), player_just_below_top_ten(running_system)
    for _ in range(2):
        rival.score_point()
    page = open_page(running_system, **GERMAN)
    expect(page.locator("#connection")).to_have_text("live")
    expect(page.locator("#board-rows tr").first).to_be_visible()
    check(page)
    log_in(page, player)
    page.locator("#score").click()
    expect(page.locator("#outcome")).to_have_text("Punkt gezählt.")
    expect(page.locator("#own-rank")).to_have_text(re.compile(r"^\d+\.$"))
    expect(page.locator("#around-rows .own")).to_be_visible()
    expect(page.locator("#chart")).to_have_attribute("aria-label", re.compile("^Punkte im Verlauf"))
    check(page)
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_have_text(
        "Der Server ist nicht erreichbar. Neuer Versuch…"
    )
    page.locator("#score").click()
    expect(page.locator("#outcome")).to_have_text(re.compile(r"\w"))
    check(page)
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_have_text("live", timeout=40_000)
    page.locator("#log-out").click()
    expect(page.locator("#notice")).to_have_text("Du bist abgemeldet.")
    check(page)


def test_the_errors_of_a_form_are_german(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    taken = running_system.register()
    page = open_page(running_system, **GERMAN)
    log_in = page.locator("#log-in-form")
    log_in.locator("[name=username]").fill(taken.username)
    log_in.locator("[name=password]").fill("falsch und falsch")
    log_in.locator("[type=submit]").click()
    expect(log_in.locator("[data-form-error]")).to_have_text(
        "Benutzername oder Passwort ist falsch."
    )
    page.locator("#log-in [data-show=register]").click()
    form = page.locator("#register-form")
    form.locator("[name=displayName]").fill("Gооgle")  # noqa: RUF001 - two Cyrillic letters
    form.locator("[name=password]").fill("kurz")
    form.locator("[type=submit]").click()
    expect(page.locator("#register-username-error")).to_have_text("Bitte fülle dieses Feld aus.")
    expect(page.locator("#register-password-error")).to_contain_text("8 bis 72 Zeichen")
    expect(page.locator("#register-display-name-error")).to_contain_text("eines Alphabets")
    check(page)
    form.locator("[name=username]").fill(taken.username)
    form.locator("[name=displayName]").fill("")
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[type=submit]").click()
    expect(page.locator("#register-username-error")).to_contain_text("gibt es schon")
    check(page)


def test_a_display_shows_only_german(open_page: OpenPage, running_system: SystemHarness) -> None:
    page = open_page(running_system, "/?display", **GERMAN)
    refuse_streams(page)
    page.reload()
    expect(page.locator("#notice")).to_contain_text("gib der Spielleitung diesen Code")
    expect(page.locator("#connection")).to_contain_text("nicht live")
    check(page)


def test_numbers_and_times_are_in_the_language_of_the_page(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    running_system.register().score_point()
    page = open_page(running_system, **GERMAN)

    def with_many_points(body: str) -> str:
        board = json.loads(body)
        board["leaderboard"][0]["score"] = 1_234_567
        board["updatedAt"] = "2020-03-04T12:00:00.000Z"
        return json.dumps(board)

    refuse_streams(page)
    page.route(
        "**/api/leaderboard?*",
        lambda route: route.fulfill(body=with_many_points(route.fetch().text())),
    )
    page.reload()
    expect(page.locator("#board-rows tr .total").first).to_have_text("1.234.567")
    expect(page.locator("#changed")).to_have_text("geändert am 4. März")


@pytest.mark.parametrize("tag", LANGUAGES)
def test_every_plural_form_of_a_language_is_one_that_the_browser_asks_for(
    open_page: OpenPage, running_system: SystemHarness, tag: str
) -> None:
    page = open_page(running_system)
    cardinals, ordinals = (
        page.evaluate(
            """([tag, type]) =>
                new Intl.PluralRules(tag, { type }).resolvedOptions().pluralCategories""",
            [tag, kind],
        )
        for kind in ("cardinal", "ordinal")
    )
    for key, forms in TEXTS[tag].items():
        if "{count}" in forms["other"]:
            assert forms.keys() == set(cardinals), key
        elif "{ordinal}" in forms["other"]:
            assert forms.keys() == set(ordinals), key


def log_in(page: Page, player: Player) -> None:
    form = page.locator("#log-in-form")
    form.locator("[name=username]").fill(player.username)
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[type=submit]").click()
    expect(page.locator("#connection")).to_have_text("live")


def check(page: Page) -> None:
    """Every readable text is one of the German file."""
    assert page.locator("html").get_attribute("lang") == "de"
    assert [text for text in page.evaluate(READABLE) if not GERMAN_TEXT.fullmatch(text)] == []


def pattern_of(form: str) -> str:
    return PLACEHOLDER.sub(".+", re.escape(form).replace(r"\{", "{").replace(r"\}", "}"))


GERMAN_TEXT = re.compile(
    "|".join(pattern_of(form) for forms in TEXTS["de"].values() for form in forms.values())
)
