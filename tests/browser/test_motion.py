"""What is seen when the board changes: places that move, gaps, who scored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.browser.visitor import (
    expect,
    log_in,
    row_of,
    score_a_point,
)
from tests.system.player import Player
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import JSHandle, Page

# Where a row was last painted, where it is when the rows' order has just changed, before anything
# is painted, and where it comes to rest.
WATCH_ROW = """async (username) => {
    const rows = document.getElementById("board-rows");
    const row = [...rows.children].find((each) => each.textContent.includes(username));
    const top = () => row.getBoundingClientRect().top + scrollY;
    const rest = () => Promise.allSettled(row.getAnimations().map(({ finished }) => finished));
    // It came onto the page a moment ago.
    await rest();
    const before = top();
    return {
        seen: new Promise((done) => new MutationObserver(async (_, observer) => {
            observer.disconnect();
            const atFirst = top();
            const glides = row.getAnimations().length;
            await rest();
            done({ before, atFirst, glides, atLast: top() });
        }).observe(rows, { childList: true })),
    };
}"""

pytestmark = pytest.mark.slow


def test_a_player_who_overtakes_glides_from_the_old_place_to_the_new_one(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page, behind, ahead = page_with_two_level(open_page, running_system)
    overtaking = watched(page, behind)
    behind.score_point()
    seen = overtaking.evaluate("watching => watching.seen")
    assert seen["glides"] > 0
    assert seen["atFirst"] == pytest.approx(seen["before"], abs=2)
    assert seen["atLast"] < seen["before"] - 20
    assert names_in_order(page).index(behind.username) < names_in_order(page).index(ahead.username)


def test_who_wants_no_motion_sees_the_new_order_at_once(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page, behind, _ = page_with_two_level(open_page, running_system, reduced_motion="reduce")
    overtaking = watched(page, behind)
    behind.score_point()
    seen = overtaking.evaluate("watching => watching.seen")
    assert seen["glides"] == 0
    assert seen["atFirst"] == pytest.approx(seen["atLast"], abs=1)
    assert seen["atLast"] < seen["before"] - 20


def test_one_scores_in_a_browser_and_another_sees_the_places_change_within_a_second(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    watching, behind, ahead = page_with_two_level(open_page, running_system)
    log_in(watching, running_system.register())
    scoring = open_page(running_system)
    log_in(scoring, behind)
    below = f"tr:has-text('{ahead.username}') + tr:has-text('{behind.username}')"
    above = f"tr:has-text('{behind.username}') + tr:has-text('{ahead.username}')"
    expect(watching.locator(below)).to_be_visible()
    score_a_point(scoring)
    expect(watching.locator(above)).to_be_visible(timeout=1_000)


def test_the_board_tells_the_gap_who_scored_who_rose_and_when(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page, behind, ahead = page_with_two_level(open_page, running_system)
    log_in(page, running_system.register())
    behind.score_point()
    expect(row_of(page, ahead).locator(".gap")).to_have_text("1 behind 1st")
    expect(row_of(page, behind).locator(".move")).to_have_text("▲1")
    expect(row_of(page, ahead).locator(".move")).to_have_text("▼1")
    expect(row_of(page, behind)).to_have_class(re.compile("scored"))
    latest = page.locator("#news li").first
    expect(latest.locator(".name")).to_have_text(behind.username)
    expect(latest.locator(".gained")).to_have_text("+1")
    expect(page.locator("#changed")).to_have_text(re.compile(r"^changed (just now|\d s ago)$"))


def test_a_screen_reader_is_told_who_leads_now(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page, behind, _ = page_with_two_level(open_page, running_system)
    log_in(page, running_system.register())
    behind.score_point()
    expect(page.locator("#announcer")).to_have_text(f"{behind.username} leads now.")
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"


def page_with_two_level(
    open_page: OpenPage, system: RunningSystem, **options: Any
) -> tuple[Page, Player, Player]:
    """A page on which two players share the lead: the one that came later, and the earlier."""
    board = requests.get(f"{system.url}/api/leaderboard", timeout=10).json()["leaderboard"]
    most = max((row["score"] for row in board), default=0)
    ahead, behind = system.register(), system.register()
    for player in (ahead, behind):
        for _ in range(most + 1):
            player.score_point()
    page = open_page(system, **options)
    expect(row_of(page, behind)).to_be_visible()
    expect(row_of(page, ahead)).to_be_visible()
    return page, behind, ahead


def watched(page: Page, player: Player) -> JSHandle:
    return page.evaluate_handle(WATCH_ROW, player.username)


def names_in_order(page: Page) -> list[str]:
    return page.locator("#board-rows .name").all_inner_texts()
