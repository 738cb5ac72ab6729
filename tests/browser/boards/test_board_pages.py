"""The page of a board other than `main`: its rows, its periods, and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from tests.browser.boards.sample_boards import QUIZ, RACE, report
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    PHONE,
    check_on_all_screens,
    expect,
    expect_transport,
    log_in,
    row_of,
    score_a_point,
    submit_login,
)
from tests.support.service_acts import create_board, zone_at_noon
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

if TYPE_CHECKING:
    from playwright.sync_api import Page

QUIZ_WEEK = f"/?board={QUIZ.key}&period=week"
AT_ONCE_MS = 5_000
"""For a busy machine, but less than the 10 s between reads."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def crowd(system: SystemHarness, services: Services) -> list[Player]:
    """Players 0 to 11 on a board of their own, with 120, 110, … 10 points in its week."""
    settings = {"min_points": -1000, "periods": ("all", "week"), "time_zone": zone_at_noon()}
    create_board(services, "trivia", **settings)
    found = [system.register(f"Player {number}") for number in range(12)]
    for number, player in enumerate(found):
        report(services, player, 120 - 10 * number, "trivia")
    return found


def test_the_picker_leads_to_a_board_and_to_its_weeks(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system)
    expect(page.locator("#board-rows tr")).to_have_count(0)
    page.locator("summary").click()
    page.get_by_role("link", name=QUIZ.title).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(QUIZ.title)
    expect(page.locator("summary")).to_have_text("Boards")
    expect(page.locator("#board-rows .name")).to_have_text(["Ada", "Bea", "Cem"])
    page.get_by_role("link", name="Week", exact=True).click()
    expect(page.locator(".picker-steps strong")).to_contain_text("week of")
    expect(page.locator("#board-rows .total")).to_have_text(["300", "200", "100"])
    page.get_by_role("link", name="Previous week").click()
    expect(page.locator("#board-empty")).to_contain_text("No points in this period.")
    expect(page.locator("#connection")).to_have_text("this period is over")
    page.get_by_role("link", name="This week").click()
    expect(page.locator("#board-rows .total")).to_have_text(["300", "200", "100"])


def test_a_viewer_with_a_login_sees_each_score_of_the_board_within_a_second(
    open_page: OpenPage, system: SystemHarness, services: Services, players: list[Player]
) -> None:
    page = open_page(system, QUIZ_WEEK)
    submit_login(page, players[2])
    expect(page.locator("#connection")).to_have_text(LIVE)
    expect(page.locator("#own-score")).to_have_text("100")
    expect(page.locator("#own-rank")).to_have_text("3rd")
    expect(page.locator("#score")).to_be_hidden()
    report(services, players[2], 50)
    expect(row_of(page, players[2]).locator(".total")).to_have_text("150", timeout=1_000)
    expect(page.locator("#latest-scores .gained").first).to_have_text("+50")
    report(services, players[2], -50)
    expect(row_of(page, players[2]).locator(".total")).to_have_text("100", timeout=1_000)
    expect(page.locator("#around")).to_contain_text("100 points ahead")


def test_a_player_below_the_top_ten_sees_scores_of_another_client_at_once(
    open_page: OpenPage, system: SystemHarness, services: Services, crowd: list[Player]
) -> None:
    page = open_page(system, "/?board=trivia&period=week")
    submit_login(page, crowd[-1])
    expect_transport(page, "websocket")
    expect_standing(page, "10", "12th", "20 points ahead")
    report(services, crowd[-1], 15, "trivia")
    expect_standing(page, "25", "11th", "5 points ahead", AT_ONCE_MS)
    report(services, crowd[-1], -15, "trivia")
    expect_standing(page, "10", "12th", "20 points ahead", AT_ONCE_MS)


def test_where_websockets_are_blocked_the_player_sees_them_by_the_next_read(
    open_page: OpenPage, system: SystemHarness, services: Services, crowd: list[Player]
) -> None:
    page = open_page(system, "/health")
    page.route_web_socket("**/ws*", lambda connection: connection.close())
    page.goto(f"{system.url}/?board=trivia&period=week")
    submit_login(page, crowd[-1])
    expect_transport(page, "stream")
    expect_standing(page, "10", "12th", "20 points ahead")
    report(services, crowd[-1], 15, "trivia")
    expect_standing(page, "25", "11th", "5 points ahead")


def expect_standing(
    page: Page, score: str, rank: str, distance: str, milliseconds: float | None = None
) -> None:
    """Expect the player's score and rank, and the distance to player 9 in "Around you"."""
    expect(page.locator("#own-score")).to_have_text(score, timeout=milliseconds)
    expect(page.locator("#own-rank")).to_have_text(rank, timeout=milliseconds)
    other = page.locator("#around-rows li", has_text="Player 9")
    expect(other).to_contain_text(distance, timeout=milliseconds)


def test_a_viewer_without_a_login_sees_the_scores_of_the_board(
    open_page: OpenPage, system: SystemHarness, services: Services, players: list[Player]
) -> None:
    page = open_page(system, f"/?board={RACE.key}")
    expect(page.locator("#board-rows .name")).to_have_text(["Ada", "Bea", "Cem"])
    expect(page.locator("#board-rows .gap")).to_have_text(
        ["leads by 10", "10 behind 1st", "10 behind 2nd"]
    )
    page.locator("#chart-title").scroll_into_view_if_needed()
    expect(page.locator("#chart canvas")).to_be_visible()
    report(services, players[1], 30, RACE.key)
    expect(page.locator("#board-rows .name")).to_have_text(["Bea", "Ada", "Cem"])


def test_a_page_that_was_just_loaded_shows_the_first_and_the_better_times_of_a_race(
    open_page: OpenPage, system: SystemHarness, services: Services, players: list[Player]
) -> None:
    sprint = create_board(services, "sprint", better="low", combine="best")
    report(services, players[0], 50, "sprint")
    # The history combines acts of about the same time.
    earlier = "UPDATE actions SET created_at = now() - interval '1 minute' WHERE board_id = :id"
    with services.database.transaction() as connection:
        connection.execute(text(earlier), {"id": sprint.id})
    report(services, players[0], 25, "sprint")
    report(services, players[1], 90, "sprint")
    page = open_page(system, "/?board=sprint")
    latest = page.locator("#latest-scores li")
    expect(latest.filter(has_text="Ada").locator(".gained")).to_have_text("-25")
    expect(latest.filter(has_text="Bea").locator(".gained")).to_have_text("new")


def test_a_click_counts_one_point_on_a_board_that_players_score(
    open_page: OpenPage, system: SystemHarness, services: Services
) -> None:
    create_board(services, "taps", scored_by="players", min_points=1, max_points=1)
    player = system.register("Deb")
    page = open_page(system, "/?board=taps")
    expect(page.locator("#board-empty")).to_be_visible()
    log_in(page, player)
    score_a_point(page)
    expect(row_of(page, player).locator(".total")).to_have_text("1")
    expect(page.locator("#own-score")).to_have_text("1")
    expect(page.locator("#own-rank")).to_have_text("1st")
    standings = player.call("GET", "/users/me/standings").json()["standings"]
    assert [(each["board"], each["score"]) for each in standings] == [("taps", 1)]


def test_the_full_standings_are_those_of_the_board(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, f"{QUIZ_WEEK}#standings")
    expect(page.locator("#standings-rows tr")).to_have_count(3)
    expect(page.get_by_role("searchbox")).to_be_hidden()


def test_a_display_shows_the_board_without_the_picker(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, f"/?display&board={QUIZ.key}&period=day")
    expect(page.get_by_role("heading", level=1)).to_have_text(QUIZ.title)
    expect(page.locator("#board-title")).to_contain_text("Top ten, ")
    expect(page.locator("#board-rows tr")).to_have_count(3)
    expect(page.locator(".picker")).to_have_count(0)


def test_the_page_of_a_board_has_its_rows_without_javascript(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, QUIZ_WEEK, java_script_enabled=False)
    expect(page.locator("#board-rows .name")).to_have_text(["Ada", "Bea", "Cem"])
    page.get_by_role("link", name="Month", exact=True).click()
    expect(page.locator("#board-rows .name")).to_have_text(["Ada", "Bea", "Cem"])


def test_the_picker_is_usable_on_all_screens_and_by_keyboard(
    open_page: OpenPage, system: SystemHarness, players: list[Player]
) -> None:
    page = open_page(system, QUIZ_WEEK, locale="de-DE", viewport=PHONE)
    expect(page.locator(".picker-steps strong")).to_contain_text("Woche ab")
    check_on_all_screens(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    check_on_all_screens(page)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(QUIZ.title)
