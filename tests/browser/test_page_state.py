"""What the page shows after a logout, after a reload and on a phone."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    expect,
    intercept_websockets,
    log_in,
    player_just_below_top_ten,
    score_a_point,
)
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.slow

AROUND_ME = "**/leaderboard/around-me*"
INCREMENT = "**/api/scores/increment"
IS_COMPLETE = "element => element.scrollWidth <= element.clientWidth"
PHONE = {"width": 360, "height": 740}


def test_the_players_around_are_hidden_after_a_logout(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player_just_below_top_ten(running_system).score_point()
    page = open_page(running_system)
    log_in(page, player_just_below_top_ten(running_system))
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#login-forms")).to_be_visible()
    expect(page.locator("#around")).to_be_hidden()


def test_the_players_around_are_shown_if_the_board_arrives_before_the_reply_to_the_point(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, player)
    names = [{"userId": f"{n}", "username": f"{n}", "displayName": f"{n}"} for n in range(9)]
    own = {"userId": player.user_id, "username": player.username, "displayName": player.username}
    rows = [{"rank": 1, "score": 1} | name for name in [*names, own]]
    board = {"version": 2**52, "leaderboard": rows}
    update = json.dumps({"event": "leaderboard_update", "data": board})
    increments: list[Route] = []
    reads: list[Route] = []
    # Playwright sets an attribute of its handlers, which a list's own methods refuse.
    page.route(INCREMENT, lambda route: increments.extend([route]))
    page.route(AROUND_ME, lambda route: reads.extend([route]))
    with page.expect_request(INCREMENT):
        page.get_by_role("button", name="Score a point").click()
    with page.expect_request(AROUND_ME):
        connections[0].send(update)
    page.route(AROUND_ME, lambda route: route.fulfill(json=board))
    with page.expect_request(AROUND_ME):
        increments[0].fulfill(json={"newScore": 1, "newRank": 1, "boardVersion": 2**52})
    for read in reads:
        read.fulfill(json=board)
    expect(page.locator("#around-rows .own")).to_be_visible()


def test_the_notice_after_a_logout_is_inside_the_screen_of_a_phone(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, viewport=PHONE)
    log_in(page, player_just_below_top_ten(running_system))
    page.get_by_role("button", name="Log out").click()
    notice = page.locator("#notice")
    expect(notice).to_have_text("You are logged out.")
    box = notice.bounding_box()
    assert box is not None
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= PHONE["height"]
    page.get_by_role("button", name="Close this message").click()
    expect(notice).to_be_hidden()


def test_the_header_of_a_phone_has_one_line(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, viewport=PHONE)
    title, status = page.locator(".top h1"), page.locator("#connection")
    expect(status).not_to_have_text("not connected")
    boxes = [title.bounding_box(), status.bounding_box()]
    assert status.evaluate(IS_COMPLETE)
    middles = [box["y"] + box["height"] / 2 for box in boxes if box is not None]
    assert abs(middles[0] - middles[1]) < 8


def test_a_phone_shows_all_of_what_failed(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, viewport=PHONE)
    status = page.locator("#connection")
    expect(status).not_to_have_text("not connected")
    page.context.set_offline(True)
    expect(status).to_have_text("The server can't be reached. Trying again…")
    assert status.evaluate(IS_COMPLETE)
    logo = page.locator(".top h1").bounding_box()
    assert logo is not None
    assert logo["width"] >= 20


def test_the_latest_scores_are_known_after_a_reload(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = player_just_below_top_ten(running_system)
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    newest = page.locator("#latest-scores li").first
    expect(newest).to_contain_text(player.username)
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    restored = page.locator("#latest-scores li", has_text=player.username)
    expect(restored).to_contain_text(re.compile(r"\+\d+"))


def test_the_button_waits_after_a_reload_too_if_the_limit_is_used_up(
    open_page: OpenPage, default_limits_system: SystemHarness
) -> None:
    player = default_limits_system.register()
    page = open_page(default_limits_system)
    log_in(page, player)
    button = page.locator("#score")
    while button.is_enabled():
        button.click()
        expect(page.locator("#outcome")).to_have_text(re.compile("counted|limit"))
        page.wait_for_function("document.querySelector('#score').textContent !== ''")
    page.reload()
    expect(page.locator("#own-score")).to_have_text(re.compile(r"\d"))
    expect(button).to_have_text(re.compile(r"^Ready in \d+ s$"))
    expect(button).to_be_disabled()


def test_a_failed_press_is_forgotten_when_the_server_answers_again(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    log_in(page, player_just_below_top_ten(running_system))
    page.route("**/api/actions/token", lambda route: route.abort())
    page.get_by_role("button", name="Score a point").click()
    expect(page.locator("#outcome")).to_have_text("The server can't be reached. Press again.")
    page.unroute("**/api/actions/token")
    running_system.register().score_point()
    player_just_below_top_ten(running_system).score_point()
    expect(page.locator("#outcome")).to_have_text("")
