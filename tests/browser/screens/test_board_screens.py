"""Pictures of boards, their periods and their standings."""

from __future__ import annotations

import pytest

from tests.browser.boards.sample_boards import QUIZ, RACE
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import LIVE, expect, log_in, refuse_streams, submit_login
from tests.browser.screens.pictures import on_request, take, take_paper
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = [pytest.mark.slow, on_request]

Evening = tuple[SystemHarness, list[Player]]


def test_boards_without_a_login(
    open_page: OpenPage, empty_system: SystemHarness, contest: SystemHarness
) -> None:
    page = open_page(empty_system)
    expect(page.locator("#board-empty")).to_be_visible()
    take(page, "empty")
    page = open_page(contest)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "board")
    refuse_streams(page)
    page.route(f"{contest.url}/api/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#connection")).to_contain_text("Trying again")
    take(page, "unreachable")


def test_boards_in_german(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness
) -> None:
    take(open_page(empty_system, locale="de-DE"), "german-empty")
    page = open_page(contest, "/#standings", locale="de-DE")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    take(page, "german-standings")


def test_boards_without_javascript(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness, board_evening: Evening
) -> None:
    for name, system, path in (
        ("board", contest, "/"),
        ("empty", empty_system, "/"),
        ("week", board_evening[0], f"/?board={QUIZ.key}&period=week"),
        ("display", contest, "/?display"),
    ):
        page = open_page(system, path, java_script_enabled=False)
        take(page, f"no-script-{name}", full=False)


def test_a_board_that_does_not_exist(open_page: OpenPage, contest: SystemHarness) -> None:
    take(open_page(contest, "/?board=nothing"), "unknown-board")
    take(open_page(contest, "/embed/nothing"), "unknown-embed")


def test_the_standings(open_page: OpenPage, contest: SystemHarness) -> None:
    page = open_page(contest, "/#standings")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    take(page, "standings")
    page.get_by_role("searchbox").fill("unregistered")
    expect(page.locator("#standings-rows tr")).to_have_count(0)
    take(page, "standings-nothing-found")
    page = open_page(contest, "/#standings")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    take_paper(page, "standings")
    page = open_page(contest)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take_paper(page, "board")
    page.emulate_media(forced_colors="active")
    page.goto(f"{contest.url}/#standings")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    take(page, "forced-colours")


def test_pages_of_the_standings(open_page: OpenPage, crowded: SystemHarness) -> None:
    page = open_page(crowded, "/#standings")
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#standings-status")).to_contain_text("Rank 25")
    submit_login(page, crowded.register("Walter of the Long Queue"))
    expect(page.locator("#connection")).to_have_text(LIVE)
    take(page, "standings-pages")
    page.get_by_role("searchbox").fill("player 1")
    expect(page.locator("#standings-status")).to_contain_text("more")
    take(page, "standings-found")


@pytest.mark.parametrize("state", ["present", "past", "low", "duel", "menu", "player", "clicks"])
def test_boards_and_periods(open_page: OpenPage, board_evening: Evening, state: str) -> None:
    system, players = board_evening
    boards = {"low": RACE.key, "duel": "duel", "clicks": "clicks"}
    if state in boards:
        page = open_page(system, f"/?board={boards[state]}")
    else:
        page = open_page(system, f"/?board={QUIZ.key}&period=week")
        expect(page.locator("#board-rows tr")).to_have_count(10)
    if state == "past":
        page.get_by_role("link", name="Previous week").click()
        expect(page.locator("#board-empty")).to_be_visible()
    if state == "menu":
        page.locator("summary").click()
    if state == "player":
        log_in(page, players[6])
        expect(page.locator("#around")).to_be_visible()
    if state == "clicks":
        submit_login(page, players[6])
        expect(page.locator("#connection")).to_have_text(LIVE)
    take(page, f"boards-{state}")


def test_a_month_in_german(open_page: OpenPage, board_evening: Evening) -> None:
    system, _ = board_evening
    page = open_page(system, f"/?board={QUIZ.key}&period=month", locale="de-DE")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "boards-german")


def test_docs(open_page: OpenPage, contest: SystemHarness) -> None:
    page = open_page(contest, "/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    take(page, "docs", full=False)
