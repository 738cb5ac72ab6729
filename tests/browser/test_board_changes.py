"""What the page shows when the board changes: rows that move, gaps and latest scores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    expect,
    log_in,
    record_scored_rows,
    row_of,
    score_a_point,
    score_on_board,
    was_marked_as_scored,
)
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.waiting import await_true

if TYPE_CHECKING:
    from playwright.sync_api import JSHandle, Page

# The position of a row when it was last painted, when the order of the rows has just changed
# (before the next paint), and when its animation has finished.
OBSERVE_ROW = """async (username) => {
    const rows = document.getElementById("board-rows");
    const row = [...rows.children].find((each) => each.textContent.includes(username));
    const top = () => row.getBoundingClientRect().top + scrollY;
    const rest = () => Promise.allSettled(row.getAnimations().map(({ finished }) => finished));
    // The row may still be fading in.
    await rest();
    const before = top();
    return {
        result: new Promise((done) => new MutationObserver(async (_, observer) => {
            observer.disconnect();
            const atFirst = top();
            const animations = row.getAnimations().length;
            await rest();
            done({ before, atFirst, animations, atLast: top() });
        }).observe(rows, { childList: true })),
    };
}"""

pytestmark = pytest.mark.slow


def test_the_row_of_a_player_who_overtakes_moves_from_its_old_to_its_new_position(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page, behind, ahead = page_with_two_leaders(open_page, running_system)
    observation = observe_row(page, behind)
    behind.score_point()
    row = observation.evaluate("observation => observation.result")
    assert row["animations"] > 0
    assert row["atFirst"] == pytest.approx(row["before"], abs=2)
    assert row["atLast"] < row["before"] - 20
    assert names_in_order(page).index(behind.username) < names_in_order(page).index(ahead.username)


def test_with_reduced_motion_the_new_order_is_shown_at_once(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page, behind, _ = page_with_two_leaders(open_page, running_system, reduced_motion="reduce")
    observation = observe_row(page, behind)
    behind.score_point()
    row = observation.evaluate("observation => observation.result")
    assert row["animations"] == 0
    assert row["atFirst"] == pytest.approx(row["atLast"], abs=1)
    assert row["atLast"] < row["before"] - 20


def test_a_change_of_ranks_is_shown_to_another_viewer_within_a_second(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    viewer, behind, ahead = page_with_two_leaders(open_page, running_system)
    log_in(viewer, running_system.register())
    scoring = open_page(running_system)
    log_in(scoring, behind)
    below = f"tr:has-text('{ahead.username}') + tr:has-text('{behind.username}')"
    above = f"tr:has-text('{behind.username}') + tr:has-text('{ahead.username}')"
    expect(viewer.locator(below)).to_be_visible()
    score_a_point(scoring)
    expect(viewer.locator(above)).to_be_visible(timeout=1_000)


def test_the_page_shows_the_gap_the_moves_the_latest_score_and_the_time_of_the_change(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page, behind, ahead = page_with_two_leaders(open_page, running_system)
    log_in(page, running_system.register())
    record_scored_rows(page)
    behind.score_point()
    expect(row_of(page, ahead).locator(".gap-cell")).to_have_text("1 behind 1st")
    expect(row_of(page, behind).locator(".move")).to_have_text("▲1")
    expect(row_of(page, ahead).locator(".move")).to_have_text("▼1")
    assert was_marked_as_scored(row_of(page, behind))
    latest = page.locator("#latest-scores li").first
    expect(latest.locator(".name")).to_have_text(behind.username)
    expect(latest.locator(".gained")).to_have_text("+1")
    expect(page.locator("#changed")).to_have_text(re.compile(r"^changed (just now|\d s ago)$"))


def test_a_new_leader_is_announced_to_screen_readers(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page, behind, _ = page_with_two_leaders(open_page, running_system)
    log_in(page, running_system.register())
    behind.score_point()
    expect(page.locator("#announcer")).to_have_text(f"{behind.username} leads now.")
    assert page.locator("#announcer").get_attribute("aria-live") == "polite"


def page_with_two_leaders(
    open_page: OpenPage, system: SystemHarness, **options: Any
) -> tuple[Page, Player, Player]:
    """A page on which two players share the lead; the second player of the result is above."""
    ahead, behind = system.register(), system.register()
    points = ahead.take_the_lead()["newScore"]
    for _ in range(points):
        behind.score_point()
    # A worker may have the board from before the last point for a moment.
    await_true(lambda: all(is_on_board(system, behind, points) for _ in range(8)), 10)
    page = open_page(system, **options)
    for player in (ahead, behind):
        expect(score_on_board(page, player)).to_have_text(str(points))
    return page, behind, ahead


def is_on_board(system: SystemHarness, player: Player, score: int) -> bool:
    """Whether the worker that replies has the player with this score on its board."""
    board = requests.get(f"{system.url}/api/leaderboard", timeout=10).json()["leaderboard"]
    return (player.user_id, score) in {(row["userId"], row["score"]) for row in board}


def observe_row(page: Page, player: Player) -> JSHandle:
    return page.evaluate_handle(OBSERVE_ROW, player.username)


def names_in_order(page: Page) -> list[str]:
    return page.locator("#board-rows .name").all_inner_texts()
