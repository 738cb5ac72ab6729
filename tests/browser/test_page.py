"""The live page in a real browser, on the real system."""

from __future__ import annotations

import re
import secrets

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.visitor import (
    LIVE,
    NOT_LOGGED_IN,
    expect,
    log_in,
    name_of,
    player_next_to_the_top_ten,
    score_a_point,
    score_on_board,
)
from tests.system.player import PASSWORD
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow


def test_a_point_scored_in_one_browser_appears_in_the_others_board_within_a_second(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    scorer = player_next_to_the_top_ten(running_system)
    watching, scoring = open_page(running_system), open_page(running_system)
    log_in(watching, running_system.register())
    log_in(scoring, scorer)
    points = int(scoring.locator("#own-score").inner_text())
    score_a_point(scoring)
    expect(score_on_board(watching, scorer)).to_have_text(str(points + 1), timeout=1_000)


def test_a_point_appears_on_the_board_of_who_is_not_logged_in(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    expect(page.locator("#connection")).to_have_text(NOT_LOGGED_IN)
    scorer = player_next_to_the_top_ten(running_system)
    points = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(points))


def test_a_player_sees_the_new_score_and_rank_and_the_own_row_marked(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    player = player_next_to_the_top_ten(running_system)
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    me = player.call("GET", "/users/me").json()
    expect(page.locator("#own-score")).to_have_text(str(me["score"]))
    expect(page.locator("#own-rank")).to_have_text(re.compile(f"^{me['rank']}(st|nd|rd|th)$"))
    expect(page.locator("tr.own")).to_contain_text(player.username)


def test_a_display_name_full_of_html_is_shown_as_text(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    name = f"<img src=x onerror=\"document.title='owned'\"><b>{secrets.token_hex(4)}</b>"
    player = player_next_to_the_top_ten(running_system, name)
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    expect(name_of(page.locator("tr.own"))).to_have_text(name)
    expect(page.locator("#player-name")).to_have_text(name)
    expect(page.locator("#news li .name").first).to_have_text(name)
    expect(page.locator("#neighbours .own .name")).to_have_text(name)
    expect(page.locator("#chart")).to_have_attribute("aria-label", re.compile(re.escape(name)))
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "Live Scoreboard"


def test_the_page_registers_a_player_and_says_what_is_wrong_beside_the_field(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    page.get_by_role("button", name="Create an account").click()
    form = page.locator("#register-form")
    form.get_by_label("Username").fill("a!")
    form.get_by_label("Password").fill("short")
    form.get_by_role("button").click()
    for field in ("username", "password"):
        expect(page.locator(f"#register-{field}")).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#register-{field}-error")).to_have_text(re.compile(r"\w"))
    form.get_by_label("Username").fill(f"page_{secrets.token_hex(6)}")
    form.get_by_label("Name on the board").fill("Côte d'Ivoire")
    form.get_by_label("Password").fill(PASSWORD)
    form.get_by_role("button").click()
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#player-name")).to_have_text("Côte d'Ivoire")


def test_a_login_outlives_a_reload_and_ends_with_logging_out(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    log_in(page, running_system.register())
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#notice")).to_have_text("You are logged out.")
    page.reload()
    expect(page.locator("#log-in-form")).to_be_visible()


def test_a_session_that_ended_elsewhere_logs_the_page_out_with_a_message(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    log_in(page, player)
    change = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
    assert player.call("POST", "/auth/password", json=change).status_code == 204
    expect(page.locator("#notice")).to_have_text("Your session has ended. Please log in again.")
    expect(page.locator("#log-in-form")).to_be_visible()
