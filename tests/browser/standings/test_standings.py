"""The full standings on the page: pages, the search, the reader's own rank, and the address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from app.api.cursors import CursorCipher
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    check_on_all_screens,
    console_errors_of,
    expect,
    log_in,
    score_on_board,
)
from tests.support.environment import base_environment
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PAGE_ROWS = 25

pytestmark = pytest.mark.slow


def open_standings(open_page: OpenPage, system: SystemHarness, fragment: str = "") -> Page:
    page = open_page(system, f"/#standings{fragment}")
    expect(page.locator("#standings")).to_be_visible()
    return page


def link(page: Page, name: str) -> Locator:
    return page.locator("#standings").get_by_role("link", name=name, exact=True)


def expect_usernames(page: Page, *numbers: int) -> None:
    """Expect the rows of the players with these numbers."""
    names = page.locator("#standings-rows .username")
    expect(names).to_have_text([f"@filled_{number}" for number in numbers])


def search(page: Page, text: str) -> None:
    page.get_by_role("searchbox", name="Search by name").fill(text)


def status(page: Page) -> Locator:
    return page.locator("#standings-status")


def test_a_reader_pages_down_and_up_and_the_address_keeps_the_page(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded)
    expect(page.locator("#standings")).to_be_hidden()
    page.get_by_role("link", name="Full standings").click()
    first, second, third = range(60, 35, -1), range(35, 10, -1), range(10, 0, -1)
    expect_usernames(page, *first)
    expect(status(page)).to_have_text("Rank 1 to 25")
    expect(link(page, "Previous")).to_be_hidden()
    link(page, "Next").click()
    expect_usernames(page, *second)
    expect(status(page)).to_have_text("Rank 26 to 50")
    link(page, "Next").click()
    expect_usernames(page, *third)
    expect(link(page, "Next")).to_be_hidden()
    page.reload()
    expect_usernames(page, *third)
    link(page, "Previous").click()
    expect_usernames(page, *second)
    page.go_back()
    expect_usernames(page, *third)
    link(page, "First page").click()
    expect_usernames(page, *first)
    link(page, "Close").click()
    expect(page.locator("#standings")).to_be_hidden()


def test_an_address_of_a_page_that_no_longer_exists_shows_the_first_page(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    cipher = CursorCipher(base_environment()["ACTION_TOKEN_SECRET"].encode())
    below_the_last, above_the_first = cipher.seal("1.1.1"), cipher.seal("999.1.1")
    for fragment in (f"?after={below_the_last}", f"?before={above_the_first}"):
        page = open_standings(open_page, crowded, fragment)
        expect_usernames(page, *range(60, 35, -1))
        assert page.url.endswith("/#standings")


def test_an_address_with_a_wrong_cursor_says_so(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_standings(open_page, crowded, "?after=wrong")
    expect(status(page)).to_have_text("The server does not accept this input.")
    page.goto(f"{crowded.url}/#standings")
    expect_usernames(page, *range(60, 35, -1))


def test_a_search_shows_each_player_found_with_rank_and_score(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_standings(open_page, crowded)
    expect_usernames(page, *range(60, 35, -1))
    search(page, " FILLED_5")
    expect_usernames(page, 5, *range(50, 60))
    expect(status(page)).to_have_text("11 players found")
    expect(page.locator("#standings-rows tr").first).to_contain_text("56")
    assert "username=FILLED_5" in page.url
    search(page, "filled_60")
    expect(status(page)).to_have_text("1 player found")
    search(page, "f")
    expect(status(page)).to_have_text(re.compile("25 players found, and there may be more"))
    search(page, "<b>unknown")
    expect(status(page)).to_have_text(
        "No player on the board has a name that begins with “<b>unknown”."
    )
    expect(page.locator("#standings-rows tr")).to_have_count(0)
    search(page, "")
    expect_usernames(page, *range(60, 35, -1))


def test_a_search_stays_after_a_reload_and_is_one_step_of_the_history(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded)
    page.get_by_role("link", name="Full standings").click()
    expect_usernames(page, *range(60, 35, -1))
    page.get_by_role("searchbox").press_sequentially("filled_11", delay=50)
    expect_usernames(page, 11)
    page.reload()
    expect_usernames(page, 11)
    expect(page.get_by_role("searchbox")).to_have_value("filled_11")
    page.go_back()
    expect(page.locator("#standings")).to_be_hidden()


def test_a_player_finds_the_own_rank(open_page: OpenPage, crowded: SystemHarness) -> None:
    player = crowded.register("Own Name")
    page = open_standings(open_page, crowded)
    expect(link(page, "Go to my rank")).to_be_hidden()
    log_in(page, player)
    expect(page.locator("#own-score")).to_have_text("0")
    expect(link(page, "Go to my rank")).to_be_hidden()
    page.goto(f"{crowded.url}/#standings?me")
    expect(status(page)).to_have_text("You have no points yet.")
    player.score_point()
    expect(page.locator("#own-score")).to_have_text("1")
    expect(page.locator("#own-rank")).to_have_text("61st")
    expect(link(page, "Go to my rank")).to_be_visible()
    page.get_by_role("button", name="Refresh").click()
    expect(status(page)).to_have_text("Rank 49 to 61")
    expect(page.locator("#standings-rows tr.own")).to_contain_text("Own Name")
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#standings-rows tr.own")).to_have_count(0)
    page.reload()
    expect(status(page)).to_have_text("Please log in.")


def test_rows_stay_under_the_reader_until_the_reader_refreshes(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_standings(open_page, crowded)
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#standings-rows tr")).to_have_count(PAGE_ROWS)
    before = page.locator("#standings-rows").inner_text()
    player = crowded.register("Overtaker")
    for _ in range(62):
        player.score_point()
    expect(score_on_board(page, player)).to_have_text("62")
    expect(page.get_by_text("The board has changed.")).to_be_visible()
    assert page.locator("#standings-rows").inner_text() == before
    page.get_by_role("button", name="Refresh").click()
    expect(page.locator("#standings-rows tr").first).to_contain_text("Overtaker")
    expect(page.get_by_text("The board has changed.")).to_be_hidden()


def test_the_standings_work_with_the_keyboard_alone(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded)
    page.get_by_role("link", name="Full standings").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#standings-title")).to_be_focused()
    page.keyboard.press("Tab")
    expect(link(page, "Close")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("filled_2")
    expect(status(page)).to_have_text("11 players found")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    expect(status(page)).to_have_text("Rank 1 to 25")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Refresh")).to_be_focused()
    page.keyboard.press("Tab")
    expect(link(page, "Next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(status(page)).to_have_text("Rank 26 to 50")
    expect(link(page, "Next")).to_be_focused()
    page.keyboard.press("Enter")
    expect(link(page, "Next")).to_be_hidden()
    expect(page.locator("#standings-title")).to_be_focused()


def test_the_standings_fit_all_screens_without_serious_violations(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    player = crowded.register("W" * 100)
    player.score_point()
    page = open_standings(open_page, crowded)
    console_errors = console_errors_of(page)
    log_in(page, player)
    link(page, "Go to my rank").click()
    expect(page.locator("#standings-rows tr.own")).to_be_visible()
    check_on_all_screens(page)
    assert console_errors == []


def test_standings_that_could_not_be_loaded_are_loaded_at_the_next_link(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    page = open_page(crowded)
    page.route("**/standings/standings.js", lambda route: route.abort())
    page.get_by_role("link", name="Full standings").click()
    expect(status(page)).to_have_text("The server can't be reached.")
    page.unroute("**/standings/standings.js")
    link(page, "Close").click()
    page.get_by_role("link", name="Full standings").click()
    expect(page.locator("#standings-rows tr")).to_have_count(PAGE_ROWS)


def test_a_search_finds_a_player_by_a_word_of_the_display_name(
    open_page: OpenPage, crowded: SystemHarness
) -> None:
    player = crowded.register("Åsa Öberg")
    player.score_point()
    page = open_standings(open_page, crowded)
    for typed in ("åsa", "ÖBER", "Åsa Öberg"):
        search(page, typed)
        expect(page.locator("#standings-rows .name")).to_have_text(["Åsa Öberg"])
        expect(page.locator("#standings-rows .username")).to_have_text([f"@{player.username}"])
        expect(status(page)).to_have_text("1 player found")
        search(page, "no such name")
        expect(page.locator("#standings-rows tr")).to_have_count(0)
