"""The live page of a real system in a browser: scoring, login, registration and session."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    expect,
    log_in,
    name_of,
    player_just_below_top_ten,
    score_a_point,
    score_on_board,
    submit_login,
)
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

TRANSLATED_TEXTS = """() => {
    const walker = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const texts = [];
    while (walker.nextNode()) {
        const { data, parentElement } = walker.currentNode;
        if (!parentElement.closest("[translate=no], #announcer")) texts.push(data.trim());
    }
    return texts;
}"""
NAME_OR_NUMBER = re.compile(r"Summer|Rain|Rose|player_|^[\d,.+#@▲▼\u2013-]+(st|nd|rd|th)?$")

pytestmark = pytest.mark.slow


def test_a_point_appears_on_the_board_of_another_viewer_within_a_second(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    scorer = player_just_below_top_ten(running_system)
    viewer, scoring = open_page(running_system), open_page(running_system)
    log_in(viewer, running_system.register())
    log_in(scoring, scorer)
    points = int(scoring.locator("#own-score").inner_text())
    score_a_point(scoring)
    expect(score_on_board(viewer, scorer)).to_have_text(str(points + 1), timeout=1_000)


def test_a_point_appears_on_the_board_of_a_viewer_without_a_login(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    expect(page.locator("#connection")).to_have_text(LIVE)
    scorer = player_just_below_top_ten(running_system)
    points = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(points))


def test_a_player_sees_the_new_score_and_rank_and_a_marked_row(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = player_just_below_top_ten(running_system)
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    me = player.call("GET", "/users/me").json()
    expect(page.locator("#own-score")).to_have_text(str(me["score"]))
    expect(page.locator("#own-rank")).to_have_text(re.compile(f"^{me['rank']}(st|nd|rd|th)$"))
    expect(page.locator("tr.own")).to_contain_text(player.username)


def test_a_display_name_full_of_html_is_shown_as_text(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    name = f"<img src=x onerror=\"document.title='owned'\"><b>{secrets.token_hex(4)}</b>"
    player = player_just_below_top_ten(running_system, name)
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    expect(name_of(page.locator("tr.own"))).to_have_text(name)
    expect(page.locator("#player-name")).to_have_text(name)
    expect(page.locator("#latest-scores li .name").first).to_have_text(name)
    expect(page.locator("#around-rows .own .name")).to_have_text(name)
    expect(page.locator("#chart")).to_have_attribute("aria-label", re.compile(re.escape(name)))
    assert page.locator("main img, main b").count() == 0
    assert page.title() == "Live Scoreboard"


def test_registration_shows_errors_beside_their_fields_and_then_logs_in(
    open_page: OpenPage, running_system: SystemHarness
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


def test_spaces_around_a_username_are_not_part_of_it(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    log_in(page, replace(player, username=f" {player.username}\u3000"))
    expect(page.locator("#player-name")).to_have_text(player.username)


def test_a_login_that_a_busy_server_refuses_can_be_sent_again_after_a_wait(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    busy = {"error": "Busy", "code": "SERVER_BUSY", "message": "Busy", "requestId": "1"}
    page.route(
        "**/api/auth/login",
        lambda route: route.fulfill(status=503, json=busy, headers={"Retry-After": "5"}),
        times=1,
    )
    submit_login(page, running_system.register())
    form = page.locator("#log-in-form")
    expect(form.locator("[data-form-error]")).to_have_text("Many people are here at the moment.")
    expect(form.get_by_role("button")).to_be_disabled()
    expect(form.get_by_role("button", name="Log in")).to_be_enabled()
    form.get_by_role("button").click()
    expect(page.locator("#connection")).to_have_text(LIVE)


def test_a_login_survives_a_reload_and_ends_with_a_logout(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    log_in(page, running_system.register())
    page.reload()
    expect(page.locator("#connection")).to_have_text(LIVE)
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#notice")).to_have_text("You are logged out.")
    page.reload()
    expect(page.locator("#log-in-form")).to_be_visible()


def test_a_session_that_ends_on_the_server_logs_the_page_out_with_a_notice(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    log_in(page, player)
    change = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
    assert player.call("POST", "/auth/password", json=change).status_code == 200
    expect(page.locator("#notice")).to_have_text("Your session has ended. Please log in again.")
    expect(page.locator("#log-in-form")).to_be_visible()


def test_names_and_numbers_are_left_out_of_a_translation_of_the_page(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    running_system.register("Rose Bush").score_point()
    player = player_just_below_top_ten(running_system, "Summer Rain")
    page = open_page(running_system)
    log_in(page, player)
    score_a_point(page)
    expect(page.locator("#around-rows .own")).to_be_visible()
    expect(page.locator("#latest-scores li").first).to_be_visible()
    texts = page.evaluate(TRANSLATED_TEXTS)
    assert "Top ten" in texts
    assert [text for text in texts if NAME_OR_NUMBER.search(text)] == []


def test_the_names_on_a_display_are_left_out_of_a_translation(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    scorer = player_just_below_top_ten(running_system, "Summer Rain")
    scorer.score_point()
    page = open_page(running_system, "/?display")
    expect(score_on_board(page, scorer)).to_be_visible()
    texts = page.evaluate(TRANSLATED_TEXTS)
    assert [text for text in texts if NAME_OR_NUMBER.search(text)] == []
