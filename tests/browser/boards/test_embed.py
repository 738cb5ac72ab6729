"""Boards without controls: in a frame of another site, and over a broadcast."""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest.mock import patch

import pytest

from app.boards.known_boards import KnownBoards
from app.contract.errors import DatabaseBusy, DatabaseUnavailable, RateLimited
from app.contract.limits import RateLimitStatus
from app.factory import create_app
from tests.browser.boards.framing_site import FramingSite
from tests.browser.boards.sample_boards import QUIZ, RACE, report
from tests.browser.conftest import OpenPage
from tests.browser.page_actions import check_on_all_screens, console_errors_of, expect
from tests.support.service_acts import create_board
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.slow

MakeServices = Callable[..., Services]
SITE = "http://blog.example"
CANNOT_BE_SHOWN = "This board can&#39;t be shown at the moment."
TOO_MANY_REQUESTS = "Too many requests came from your address."


def limited(seconds: int) -> RateLimited:
    """The error of a client that may try again after this number of seconds."""
    return RateLimited(RateLimitStatus(1, 0, 0, seconds))


def ancestors(services: Services, path: str, status: int = 200) -> str:
    """The sources of pages that may frame this one."""
    reply = create_app(services).test_client().get(path)
    assert reply.status_code == status
    (directive,) = [
        each
        for each in reply.headers["Content-Security-Policy"].split("; ")
        if each.startswith("frame-ancestors ")
    ]
    return directive.removeprefix("frame-ancestors ")


def test_only_the_origins_of_the_setting_may_frame_a_board(make_services: MakeServices) -> None:
    assert ancestors(make_services(), "/embed/main") == "'none'"
    services = make_services(EMBED_ORIGINS=f"{SITE},https://club.example")
    assert ancestors(services, "/embed/main") == f"{SITE} https://club.example"
    assert ancestors(services, "/") == ancestors(services, "/?overlay") == "'none'"
    assert ancestors(services, "/embed/nothing", 404) == f"{SITE} https://club.example"
    assert ancestors(services, "/?board=nothing", 404) == "'none'"
    assert ancestors(make_services(EMBED_ORIGINS="*"), "/embed/main") == "*"


def test_the_same_sites_may_frame_an_error(make_services: MakeServices) -> None:
    services = make_services(EMBED_ORIGINS=SITE, READ_LIMIT="1 per hour")
    client = create_app(services).test_client()
    assert client.get("/embed/nothing").status_code == 404
    assert ancestors(services, "/embed/nothing", 429) == SITE
    assert ancestors(services, "/?board=nothing", 429) == "'none'"
    for error, status in ((DatabaseUnavailable(), 500), (DatabaseBusy(), 503), (OSError(), 500)):
        with patch.object(KnownBoards, "has_found", side_effect=error):
            assert ancestors(services, "/embed/quiz", status) == SITE


@pytest.mark.parametrize(
    ("path", "error", "message", "seconds", "time"),
    [
        ("/embed/quiz", DatabaseUnavailable(), CANNOT_BE_SHOWN, 10, "10 s"),
        ("/?display&board=quiz", DatabaseUnavailable(), CANNOT_BE_SHOWN, 10, "10 s"),
        ("/embed/quiz", limited(37), TOO_MANY_REQUESTS, 37, "37 s"),
        ("/embed/quiz", limited(3_541), TOO_MANY_REQUESTS, 3_541, "60 min"),
        ("/?overlay&board=quiz", limited(37), None, 37, ""),
    ],
)
def test_a_board_that_cannot_be_shown_now_loads_itself_again(
    services: Services, path: str, error: Exception, message: str | None, seconds: int, time: str
) -> None:
    with patch.object(KnownBoards, "has_found", side_effect=error):
        page = create_app(services).test_client().get(path).text
    assert f'<meta http-equiv="refresh" content="{seconds}">' in page
    body = page.partition("<body>")[2]
    if message is None:
        assert body.split() == ["</body>", "</html>"]
        assert "stylesheet" not in page, "a style sheet may paint over the broadcast"
    else:
        assert message in body
        assert f"This page tries again in {time}." in body


def test_a_board_or_a_period_that_does_not_exist_is_not_found(services: Services) -> None:
    create_board(services, periods=("all", "week"))
    client = create_app(services).test_client()
    for path, status in {
        "/embed/quiz": 200,
        "/embed/quiz?period=week": 200,
        "/embed/quiz?period=day": 404,
        "/embed/nothing": 404,
        "/embed/Not%20a%20key": 404,
        "/?overlay&board=quiz": 200,
        "/?overlay&board=nothing": 404,
        "/?board=nothing": 404,
        "/?board=quiz&period=month": 404,
    }.items():
        assert client.get(path).status_code == status, path


@pytest.mark.parametrize("path", ["/?board=nothing", "/?display&board=nothing", "/embed/nothing"])
def test_the_page_of_a_board_that_does_not_exist_leads_to_the_main_board(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], path: str
) -> None:
    system, _ = evening
    page = open_page(system, path)
    expect(page.get_by_text("There is no such board or period.")).to_be_visible()
    check_on_all_screens(page)
    page.get_by_role("link", name="Go to the main board").click()
    expect(page).to_have_url(f"{system.url}/")


@pytest.mark.parametrize(
    ("rows", "shown"), [("", 10), ("3", 3), ("0", 1), ("-5", 1), ("99", 10), ("many", 10)]
)
def test_the_number_of_rows_is_at_least_one_and_at_most_ten(
    services: Services, rows: str, shown: int
) -> None:
    page = create_app(services).test_client().get(f"/embed/main?rows={rows}").text
    assert f'data-rows="{shown}"' in page


@pytest.mark.parametrize(
    ("path", "theme"),
    [
        ("/embed/main?theme=light", "light"),
        ("/embed/main?theme=dark", "dark"),
        ("/embed/main?theme=loud", None),
        ("/embed/main", None),
        ("/?overlay", "dark"),
        ("/?overlay&theme=loud", "dark"),
        ("/?overlay&theme=light", "light"),
    ],
)
def test_the_theme_is_one_of_two(services: Services, path: str, theme: str | None) -> None:
    page = create_app(services).test_client().get(path).text
    found = re.search(r'data-theme="([^"]*)"', page)
    assert (found and found[1]) == theme


def test_a_frame_of_another_site_shows_the_board_live(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], site: FramingSite
) -> None:
    system, players = evening
    page = open_page(system, "/health")
    errors = console_errors_of(page)
    site.framed = f"{system.url}/embed/{QUIZ.key}?period=week&rows=2&theme=dark"
    page.emulate_media(color_scheme="light")
    page.goto(site.origin)
    board = page.frame_locator("iframe")
    names = board.locator("#board-rows tr:not(.leaving) .name")
    expect(names).to_have_text(["Player 0", "Player 1"])
    expect(board.locator("h1")).to_have_text(QUIZ.title)
    expect(board.locator(".period")).to_contain_text("week of")
    expect(board.locator("body")).to_have_css("background-color", "rgb(19, 22, 28)")
    with services_in(system.environment()) as services:
        report(services, players[2], 500)
    expect(names).to_have_text(["Player 2", "Player 0"])
    expect(board.locator(".total").first).to_have_text("510")
    assert [error for error in errors if "favicon" not in error] == []


def test_a_frame_of_a_board_that_does_not_exist_says_so_and_leads_out_of_the_frame(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], site: FramingSite
) -> None:
    system, _ = evening
    page = open_page(system, "/health")
    site.framed = f"{system.url}/embed/nothing"
    page.goto(site.origin)
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("There is no such board or period.")).to_be_visible()
    frame.get_by_role("link", name="Go to the main board").click()
    expect(page).to_have_url(f"{system.url}/")


def test_a_frame_of_a_site_that_is_not_in_the_setting_stays_empty(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], site: FramingSite
) -> None:
    system, _ = evening
    page = open_page(system, "/health")
    site.framed = f"{system.url}/embed/main"
    with page.expect_event(
        "console", lambda message: "frame-ancestors" in message.text.lower()
    ) as refused:
        # The same page under another name is another origin.
        page.goto(f"http://localhost:{site.port}")
    assert site.origin in refused.value.text
    expect(page.frame_locator("iframe").locator("#board-rows")).to_have_count(0)


def test_an_overlay_is_transparent_and_shows_the_board_that_it_names(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]]
) -> None:
    system, _ = evening
    path = f"/?overlay&board={QUIZ.key}&period=day"
    page = open_page(system, path, viewport={"width": 1920, "height": 1080})
    expect(page.locator("h1")).to_have_text(QUIZ.title)
    expect(page.locator("#board-rows tr")).to_have_count(3)
    for element in ("html", "body", "main"):
        expect(page.locator(element)).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    size = page.locator(".name").first.evaluate(
        "name => parseFloat(getComputedStyle(name).fontSize)"
    )
    assert size >= 36
    page.screenshot(omit_background=True)


def test_without_javascript_a_board_has_its_first_rows(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]]
) -> None:
    system, players = evening
    with services_in(system.environment()) as services:
        for number, player in enumerate(players):
            report(services, player, 100 + number, RACE.key)
    page = open_page(system, f"/embed/{RACE.key}?rows=2", java_script_enabled=False)
    expect(page.locator("#board-rows .name")).to_have_text(["Player 0", "Player 1"])
    expect(page.locator("#board-rows .gap").first).to_have_text("leads by 1")


@pytest.mark.parametrize("path", [f"/embed/{QUIZ.key}?period=week", f"/?overlay&board={QUIZ.key}"])
def test_a_board_fits_each_screen_and_is_accessible(
    open_page: OpenPage, evening: tuple[SystemHarness, list[Player]], path: str
) -> None:
    page = open_page(evening[0], path)
    expect(page.locator("#board-rows tr")).to_have_count(3)
    check_on_all_screens(page)
