"""A contest on the page and on a display: the clock, the reveal and the podium."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from app.boards.board import BoardSettings
from tests.browser.conftest import OpenPage
from tests.browser.contest.sample_finals import (
    NAMES,
    OPERATOR,
    after,
    create_finals,
    play_finals,
)
from tests.browser.page_actions import (
    LIVE,
    check_on_all_screens,
    expect,
    log_in,
    score_a_point,
    submit_login,
)
from tests.support.services import Services
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, WebSocketRoute

pytestmark = pytest.mark.slow

STEP_MS = 1_000
"""Within which a step of a reveal is visible to all viewers."""
LAST, TWELFTH, THIRD, FIRST = "Team 108", NAMES[11], NAMES[2], NAMES[0]
_RECORD_CLIMBS = """
window.climbs = [];
const { animate } = Element.prototype;
Element.prototype.animate = function (...args) {
    if (this.classList.contains("climber")) climbs.push(this.querySelector(".name").textContent);
    return animate.apply(this, args);
};
"""
_RECORD_OPENING = """() => {
    window.isFirstPage = true;
    const button = document.getElementById("score");
    new MutationObserver(() => {
        if (!button.disabled) window.openedAt ??= Date.now();
    }).observe(button, { attributes: true });
}"""


def create_board_of_players(services: Services, key: str, opens_at: datetime | None = None) -> str:
    settings = BoardSettings(key, "Sprint", scored_by="players")
    services.boards.create(OPERATOR, settings, {"opens_at": opens_at})
    return key


def test_the_button_of_a_scheduled_board_opens_at_the_moment_and_not_before(
    open_page: OpenPage, system: SystemHarness, services: Services
) -> None:
    key = create_board_of_players(services, "sprint", after(hours=30))
    page = open_page(system, f"/?board={key}")
    submit_login(page, system.register())
    expect(page.locator("#connection")).to_have_text(LIVE)
    button = page.locator("#score")
    expect(button).to_be_disabled()
    expect(button).to_have_text("Not open yet")
    expect(page.locator("#outcome")).to_have_text(re.compile("^The board opens on "))
    expect(clock_of(page)).to_have_text(re.compile(r"Not open yet\s+opens in\s+1 day 5:\d\d:\d\d"))
    page.evaluate(_RECORD_OPENING)
    opens_at = after(seconds=8)
    services.boards.edit(OPERATOR, key, times={"opens_at": opens_at})
    expect(button).to_be_enabled()
    # The page's times have no fraction of a millisecond.
    assert page.evaluate("window.openedAt + 1") >= opens_at.timestamp() * 1000
    assert page.evaluate("window.isFirstPage")
    score_a_point(page)


def test_a_point_that_the_board_refuses_says_that_it_is_closed(
    open_page: OpenPage, system: SystemHarness, services: Services
) -> None:
    key = create_board_of_players(services, "late")
    page = open_page(system, "/health")
    page.route_web_socket(re.compile("/ws"), forward_without_contests)
    page.goto(f"{system.url}/?board={key}")
    log_in(page, system.register())
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    page.get_by_role("button", name="Score a point").click()
    expect(page.locator("#outcome")).to_have_text("The board is closed.")


def forward_without_contests(page: WebSocketRoute) -> None:
    """The page gets no event with the changed clock."""
    server = page.connect_to_server()
    server.on_message(lambda text: None if '"contest"' in str(text) else page.send(text))


def test_a_freeze_and_an_extension_are_shown_without_a_reload(
    open_page: OpenPage, system: SystemHarness, services: Services
) -> None:
    key = create_finals(services, "clock", {"closes_at": after(minutes=110)})
    pages = [display(open_page, system, services, key), open_page(system, f"/?board={key}")]
    for page in pages:
        page.evaluate("window.isFirstPage = true")
        expect(clock_of(page)).to_have_text(re.compile(r"Open\s+closes in\s+1:\d\d:\d\d"))
    edit: Callable[..., object] = services.boards.edit
    edit(OPERATOR, key, times={"freezes_at": "now"})
    for page in pages:
        expect(clock_of(page)).to_contain_text("Frozen")
        expect(clock_of(page)).to_contain_text("closes in")
        expect(page.locator(".clock-left")).to_have_text(re.compile(r"^1:\d\d:\d\d$"))
        expect(clock_of(page)).to_contain_text("nobody sees them until the reveal")
    edit(OPERATOR, key, times={"closes_at": after(hours=3)})
    for page in pages:
        expect(page.locator(".clock-left")).to_have_text(re.compile(r"^2:\d\d:\d\d$"))
    edit(OPERATOR, key, times={"closes_at": "now"})
    for page in pages:
        expect(clock_of(page)).to_have_text(
            re.compile("Closed.*since the freeze are still hidden", re.DOTALL)
        )
        assert page.evaluate("window.isFirstPage")


def test_each_step_of_a_reveal_climbs_on_a_display_and_an_undo_takes_it_back(
    open_page: OpenPage, system: SystemHarness, services: Services, finalists: list[str]
) -> None:
    key = create_finals(services, "reveal")
    play_finals(services, key, finalists)
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    page = display(open_page, system, services, key, init_script=_RECORD_CLIMBS)
    expect(page.locator("#stage")).to_be_hidden()
    names = page.locator("#board-rows tr:not(.leaving) .name")
    services.reveals.reveal(OPERATOR, key, "act")
    expect(page.locator(".stage-name")).to_have_text(LAST, timeout=STEP_MS)
    assert page.evaluate("climbs") == [LAST]
    expect(stage(page, "ranks")).to_have_text("120th → 83rd")
    expect(stage(page, "left")).to_have_text("3 scores still hidden")
    expect(stage(page, "score")).to_have_text("381")
    expect(stage(page, "next")).to_have_text(re.compile(rf"Next\s+12 {TWELFTH} 1,090"))
    expect(page.locator(".climber .rank")).to_have_text("83")
    announced = f"{LAST}: before 120th, now 83rd, with 381. 3 scores still hidden"
    expect(page.locator("#announcer")).to_have_text(announced)
    services.reveals.reveal(OPERATOR, key, "act")
    expect(page.locator(".stage-name")).to_have_text(TWELFTH, timeout=STEP_MS)
    expect(stage(page, "ranks")).to_have_text("12th → 3rd")
    expect(names.nth(2)).to_have_text(TWELFTH)
    late = open_page(system, f"/?board={key}", init_script=_RECORD_CLIMBS)
    expect(stage(late, "ranks")).to_have_text("12th → 3rd")
    expect(stage(late, "next")).to_contain_text(THIRD)
    assert late.evaluate("climbs") == []
    check_on_all_screens(late)
    services.reveals.undo(OPERATOR, key)
    for each in (page, late):
        expect(stage(each, "name")).to_have_text(LAST)
        expect(stage(each, "left")).to_have_text("3 scores still hidden")
        expect(stage(each, "score")).to_have_text("381")
    expect(names.nth(2)).to_have_text(THIRD)
    services.reveals.undo(OPERATOR, key)
    for each in (page, late):
        expect(each.locator("#stage")).to_be_hidden()
    assert page.evaluate("climbs") == [LAST, TWELFTH]


def test_a_podium_follows_the_last_climb_and_stays_when_the_board_is_final(
    open_page: OpenPage, system: SystemHarness, services: Services, finalists: list[str]
) -> None:
    key = create_finals(services, "podium")
    play_finals(services, key, finalists)
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    page = display(open_page, system, services, key)
    services.reveals.reveal(OPERATOR, key, "all")
    expect(page.locator(".stage-name")).to_have_text(FIRST)
    expect(stage(page, "ranks")).to_have_text("2nd", use_inner_text=True)
    expect(page.locator("#podium")).to_be_visible()
    line = open_page(system, f"/embed/{key}").locator("#reveal-line")
    expect(line).to_have_text(f"{FIRST}: stays 2nd, +6 · all scores shown")
    # In the order of the document; the styles place the first in the middle.
    expect(page.locator("#podium .name")).to_have_text([THIRD, FIRST, NAMES[1]])
    expect(page.locator("#stage")).to_be_hidden()
    services.reveals.undo(OPERATOR, key)
    expect(page.locator("#podium")).to_be_hidden()
    services.reveals.reveal(OPERATOR, key, "all")
    services.reveals.finalize(OPERATOR, key)
    expect(clock_of(page)).to_have_text(re.compile("Final.*This is the result", re.DOTALL))
    expect(page.locator("#podium .rank")).to_have_text(["1", "2", "3"])
    late = open_page(system, f"/?board={key}")
    expect(late.locator("#podium .name").first).to_have_text(THIRD)
    check_on_all_screens(late)


def test_a_final_board_shows_its_result_when_nothing_is_hidden_any_more(
    open_page: OpenPage, system: SystemHarness, services: Services, finalists: list[str]
) -> None:
    key = create_finals(services, "early")
    play_finals(services, key, finalists)
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    services.reveals.finalize(OPERATOR, key)
    pages = [display(open_page, system, services, key), open_page(system, f"/?board={key}")]
    hidden = re.compile("Closed.*since the freeze are still hidden", re.DOTALL)
    for page in pages:
        expect(clock_of(page)).to_have_text(hidden)
        expect(page.locator("#podium")).to_be_hidden()
    services.reveals.reveal(OPERATOR, key, "all")
    for page in pages:
        expect(clock_of(page)).to_have_text(re.compile("Final.*This is the result", re.DOTALL))
        expect(page.locator("#podium .rank")).to_have_text(["1", "2", "3"])
    services.reveals.undo(OPERATOR, key)
    for page in pages:
        expect(clock_of(page)).to_have_text(hidden)
        expect(page.locator("#podium")).to_be_hidden()
    services.freezes.unfreeze(OPERATOR, key)
    for page in pages:
        expect(clock_of(page)).to_have_text(re.compile("Final.*This is the result", re.DOTALL))
        expect(page.locator("#podium")).to_be_visible()
        expect(page.locator("#podium .name").nth(1)).to_have_text(FIRST)


def display(
    open_page: OpenPage, system: SystemHarness, services: Services, key: str, init_script: str = ""
) -> Page:
    """A live display of the board."""
    token = services.display_tokens.issue(OPERATOR, "hall", 600).jwt
    page = open_page(system, f"/?display&board={key}#{token}", init_script)
    expect(page.locator("#connection")).to_have_text(LIVE)
    return page


def clock_of(page: Page) -> Locator:
    return page.locator("#clock")


def stage(page: Page, part: str) -> Locator:
    return page.locator(f".stage-{part}")
