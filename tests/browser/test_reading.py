"""Whether everybody can read the page: on any screen, by day and night, without a mouse."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests
from axe_playwright_python.sync_playwright import Axe

from tests.awaiting import await_true
from tests.browser.conftest import OpenPage, own_system
from tests.browser.contest import hold_contest
from tests.browser.visitor import (
    LIVE,
    NOT_LOGGED_IN,
    complaints_of,
    expect,
    log_in,
    score_a_point,
    width_of,
)
from tests.servers import ROOT, DatabaseServer
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

PHONE: ViewportSize = {"width": 360, "height": 740}
LAPTOP: ViewportSize = {"width": 1280, "height": 800}
HALL: ViewportSize = {"width": 3840, "height": 2160}
SERIOUS = {"serious", "critical"}
# What reaches beyond the window's edges, but for what is hidden on purpose.
OVERFLOWING = """() => [...document.querySelectorAll("body *")].filter((element) => {
    if (element.closest(".unseen") || element.checkVisibility() === false) return false;
    const { left, right, width } = element.getBoundingClientRect();
    return width > 0 && (left < -0.5 || right > innerWidth + 0.5);
}).map((element) => element.outerHTML.slice(0, 80))"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def contest(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """A system with a full board: long names, several scripts, ties."""
    for system in own_system(postgres, tmp_path_factory, {"INCREMENT_LIMIT": "60 per minute"}):
        hold_contest(system)
        yield system


@pytest.mark.parametrize("path", ["/", "/?display"])
def test_nothing_reaches_beyond_any_screen_and_axe_finds_no_serious_fault(
    open_page: OpenPage, contest: RunningSystem, path: str
) -> None:
    page = open_page(contest, path)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    expect(page.locator("#chart canvas")).to_be_visible()
    check_on_all_screens(page)


def test_a_player_can_read_all_of_it_while_playing_and_when_forms_complain(
    open_page: OpenPage, contest: RunningSystem
) -> None:
    page = open_page(contest, viewport=PHONE)
    complaints = complaints_of(page)
    log_in(page, contest.register("W" * 100))
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    check_on_all_screens(page)
    assert complaints == []
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#notice")).to_be_visible()
    page.get_by_role("button", name="Create an account").click()
    page.locator("#register-form").get_by_role("button").click()
    expect(page.locator("#register-username")).to_have_attribute("aria-invalid", "true")
    check_on_all_screens(page)


def test_the_page_can_be_played_with_the_keyboard_alone(
    open_page: OpenPage, contest: RunningSystem
) -> None:
    page = open_page(contest)
    expect(page.locator("#connection")).to_have_text(NOT_LOGGED_IN)
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


def test_a_key_held_down_scores_one_point(open_page: OpenPage, contest: RunningSystem) -> None:
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


@pytest.mark.skipif("SCREENSHOT" not in os.environ, reason="makes a picture: make screenshot")
def test_a_screenshot_for_the_readme(open_page: OpenPage, contest: RunningSystem) -> None:
    still = {"color_scheme": "dark", "reduced_motion": "reduce"}
    page = open_page(contest, viewport=LAPTOP, **still)
    log_in(page, known(contest, "nullpointers"))
    expect(page.locator("#chart canvas")).to_be_visible()
    known(contest, "hypatia").score_point()
    score_a_point(page)
    expect(page.locator("#news li")).to_have_count(2)
    expect(page.locator("#connection")).to_have_text(LIVE)
    picture = ROOT / "docs" / "screenshot.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size < 300_000


def check_on_all_screens(page: Page) -> None:
    """Fail on what overflows, and on what axe-core calls serious, by day and by night."""
    for size in (HALL, LAPTOP, PHONE):
        page.set_viewport_size(size)
        # The chart is drawn anew a moment later.
        await_true(lambda: page.evaluate(OVERFLOWING) == [], 10)
        assert width_of(page) == size["width"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        faults = Axe().run(page).response["violations"]
        assert [
            (fault["id"], [node["html"] for node in fault["nodes"]])
            for fault in faults
            if fault["impact"] in SERIOUS
        ] == []


def known(contest: RunningSystem, username: str) -> Player:
    """One of the contest's players, logged in."""
    body = {"username": username, "password": PASSWORD}
    reply = requests.post(f"{contest.url}/api/auth/login", json=body, timeout=10).json()
    tokens = reply["accessToken"], reply["refreshToken"]
    return Player(contest.url, username, reply["userId"], *tokens)


def tab_to(page: Page, name: str) -> None:
    """Press Tab until that button has the focus."""
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == name:
            return
    pytest.fail(f"{name} can't be reached with the keyboard")
