"""The page of a day or week when it ends, and of one that is over."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser.boards.sample_boards import QUIZ
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import expect, submit_login
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

pytestmark = pytest.mark.slow

BOARD = f"**/api/boards/{QUIZ.key}/leaderboard?**"
PERIOD_READ = f"**/api/boards/{QUIZ.key}/leaderboard?limit=1&**"
DAY = f"/?board={QUIZ.key}&period=day"
PAST_WEEK = f"/?board={QUIZ.key}&period=week&at={datetime.now(UTC) - timedelta(weeks=2):%Y-%m-%d}"
PAST = "this period is over"
MOST_WAIT_MS = 10_000
"""Between two reads of whether the period is over."""


def is_loaded_again(page: Page) -> bool:
    return page.evaluate("window.isFirstPage") is None


def test_a_page_whose_clock_is_fast_is_not_loaded_again_and_again(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, "/health")
    page.clock.install(time=datetime.now(UTC) + timedelta(days=2))
    page.goto(f"{system.url}{DAY}")
    page.evaluate("window.isFirstPage = true")
    with page.expect_response(PERIOD_READ) as read:
        page.clock.run_for(MOST_WAIT_MS)
    assert read.value.ok
    page.clock.run_for(MOST_WAIT_MS)
    expect(page.locator("#board-rows tr")).to_have_count(3)
    assert not is_loaded_again(page)


def test_at_the_end_of_a_period_the_page_of_the_next_is_loaded_once_the_server_answers(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, "/health")
    page.clock.install()

    def let_it_be_over(route: Route) -> None:
        reply = route.fetch()
        html = re.sub(r'"endsAt": "[^"]*"', '"endsAt": "2000-01-01T00:00:00.000Z"', reply.text())
        route.fulfill(response=reply, body=html)

    page.route(f"{system.url}{DAY}", let_it_be_over)
    page.route(PERIOD_READ, lambda route: route.abort())
    page.goto(f"{system.url}{DAY}")
    page.evaluate("window.isFirstPage = true")
    with page.expect_event("requestfailed"):
        page.clock.run_for(MOST_WAIT_MS)
    assert not is_loaded_again(page)
    page.unroute(f"{system.url}{DAY}")
    page.unroute(PERIOD_READ)
    with page.expect_event("load"):
        page.clock.run_for(MOST_WAIT_MS)
    assert is_loaded_again(page)


def test_a_past_period_that_could_not_be_read_at_first_is_read_later(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, "/health")

    def remove_board(route: Route) -> None:
        reply = route.fetch()
        html = re.sub(r'(id="first-board">).*?(</script>)', r"\1null\2", reply.text())
        html = html.replace('data-state="waiting"', 'data-state="unreachable"')
        route.fulfill(response=reply, body=html)

    page.route(f"{system.url}{PAST_WEEK}", remove_board)
    page.route(BOARD, lambda route: route.abort())
    page.goto(f"{system.url}{PAST_WEEK}")
    expect(page.locator("#connection")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#board-empty .unreachable")).to_be_visible()
    page.unroute(BOARD)
    expect(page.locator("#board-empty .waiting")).to_be_visible()
    expect(page.locator("#connection")).to_have_text(PAST)


def test_a_player_who_could_not_be_read_on_a_past_period_is_read_later(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, PAST_WEEK)
    page.route("**/api/users/me", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        submit_login(page, players[0])
    page.unroute("**/api/users/me")
    expect(page.locator("#player-name")).to_have_text("Ada")
    expect(page.locator("#connection")).to_have_text(PAST)
