"""The page on all screen sizes, in both colour schemes, with axe-core and with the keyboard."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import (
    LAPTOP,
    LIVE,
    PHONE,
    PROJECTOR,
    check_on_all_screens,
    console_errors_of,
    expect,
    log_in,
    score_a_point,
    show_chart,
)
from tests.browser.sample_contest import play_sample_contest
from tests.support.servers import ROOT, DatabaseServer
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD, Player

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contest(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with a full board: long names, several scripts and ties."""
    for system in system_with(postgres, tmp_path_factory, {"INCREMENT_LIMIT": "60 per minute"}):
        play_sample_contest(system)
        yield system


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
@pytest.mark.parametrize("path", ["/", "/?display"])
def test_no_element_overflows_on_any_screen_and_axe_finds_no_serious_violation(
    open_page: OpenPage, contest: SystemHarness, path: str, locale: str
) -> None:
    page = open_page(contest, path, locale=locale)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    show_chart(page)
    check_on_all_screens(page)


def test_a_display_fits_its_screen_in_a_browser_without_container_units(
    open_page: OpenPage, contest: SystemHarness
) -> None:
    page = open_page(contest, "/?display", viewport=PROJECTOR)

    def remove_units(route: Route) -> None:
        reply = route.fetch()
        route.fulfill(response=reply, body=re.sub(r"(?<=\d)cqh\b", "none", reply.text()))

    page.route("**/styles/*.css", remove_units)
    page.reload()
    expect(page.locator("#board-rows tr")).to_have_count(10)
    heights = page.locator("#board-rows tr").evaluate_all("rows => rows.map((r) => r.offsetHeight)")
    assert min(heights) > PROJECTOR["height"] / 15
    last_row = page.locator("#board-rows tr").last.bounding_box()
    assert last_row is not None
    assert last_row["y"] + last_row["height"] <= PROJECTOR["height"]


def test_a_players_page_and_form_errors_fit_all_screens_without_serious_violations(
    open_page: OpenPage, contest: SystemHarness
) -> None:
    page = open_page(contest, viewport=PHONE)
    console_errors = console_errors_of(page)
    log_in(page, contest.register("W" * 100))
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    check_on_all_screens(page)
    assert console_errors == []
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#notice")).to_be_visible()
    page.get_by_role("button", name="Create an account").click()
    page.locator("#register-form").get_by_role("button").click()
    expect(page.locator("#register-username")).to_have_attribute("aria-invalid", "true")
    check_on_all_screens(page)


def test_a_player_can_register_score_and_log_out_with_the_keyboard_alone(
    open_page: OpenPage, contest: SystemHarness
) -> None:
    page = open_page(contest)
    expect(page.locator("#connection")).to_have_text(LIVE)
    tab_to(page, "Create an account")
    page.keyboard.press("Enter")
    page.keyboard.type(f"keys_{secrets.token_hex(4)}")
    page.keyboard.press("Tab")
    page.keyboard.type("No Mouse")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#player-name")).to_have_text("No Mouse")
    expect(page.locator("#score")).to_be_focused()
    outline = page.locator("#score").evaluate("element => getComputedStyle(element).outlineStyle")
    assert outline == "solid"
    for score in ("1", "2"):
        expect(page.locator("#score")).to_be_enabled()
        page.keyboard.press("Space")
        expect(page.locator("#own-score")).to_have_text(score)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_have_text("You are logged out.")


def test_a_key_held_down_scores_one_point(open_page: OpenPage, contest: SystemHarness) -> None:
    player = contest.register()
    page = open_page(contest)
    log_in(page, player)
    page.locator("#score").focus()
    for _ in range(5):
        page.keyboard.down("Enter")
        expect(page.locator("#outcome")).to_have_text("Point counted.")
        expect(page.locator("#score")).to_be_enabled()
    page.keyboard.up("Enter")
    expect(page.locator("#own-score")).to_have_text("1")


@pytest.mark.skipif("SCREENSHOT" not in os.environ, reason="only for `make screenshot`")
def test_a_screenshot_for_the_readme(open_page: OpenPage, contest: SystemHarness) -> None:
    still = {"color_scheme": "dark", "reduced_motion": "reduce"}
    page = open_page(contest, viewport=LAPTOP, **still)
    log_in(page, log_in_player(contest, "nullpointers"))
    show_chart(page)
    page.evaluate("scrollTo(0, 0)")
    log_in_player(contest, "hypatia").score_point()
    score_a_point(page)
    expect(page.locator("#latest-scores li")).to_have_count(5)
    expect(page.locator("#connection")).to_have_text(LIVE)
    picture = ROOT / "docs" / "images" / "screenshot.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size < 300_000


def log_in_player(contest: SystemHarness, username: str) -> Player:
    """A player of the sample contest, with a new session."""
    body = {"username": username, "password": PASSWORD}
    reply = requests.post(f"{contest.url}/api/auth/login", json=body, timeout=10).json()
    tokens = reply["accessToken"], reply["refreshToken"]
    return Player(contest.url, username, reply["userId"], *tokens)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the button of this name has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == name:
            return
    pytest.fail(f"{name} can't be reached with the keyboard")
