"""The display shows how to join."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import LIVE, expect
from tests.support.servers import DatabaseServer
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness
from tests.support.waiting import await_true

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

SITE = "http://scores.example:8000"
CALLS_OF_A_PHONE = (
    "Log in to play",
    "Create an account to play",
    "The first point takes the lead.",
)


@pytest.fixture(scope="module")
def reachable_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system that phones reach at SITE."""
    yield from system_with(postgres, tmp_path_factory, {"ALLOWED_ORIGINS": SITE})


def test_the_code_is_large_on_an_empty_board_and_small_beside_a_filled_one(
    open_page: OpenPage, reachable_system: SystemHarness
) -> None:
    page = open_page(reachable_system, "/?display", viewport={"width": 1920, "height": 1080})
    large = page.locator("#board-empty .join")
    small = page.locator(".controls .join")
    expect(large).to_be_visible()
    expect(large).to_contain_text("scores.example:8000")
    expect(small).to_be_hidden()
    large_width = picture_width(large)
    reachable_system.register().score_point()
    expect(small).to_be_visible()
    expect(large).to_be_hidden()
    expect(small).to_contain_text("scores.example:8000")
    assert picture_width(small) < large_width / 2
    # On a tablet the latest scores are beside it, not over it.
    page.set_viewport_size({"width": 768, "height": 1024})
    expect(small).to_be_visible()
    await_true(lambda: is_on_top(small.locator("svg")), 10)


def test_the_code_of_a_judged_board_invites_to_watch_that_board(
    open_page: OpenPage, reachable_system: SystemHarness
) -> None:
    with services_in(reachable_system.environment()) as services:
        create_board(services, "judged", scored_by="service")
    page = open_page(reachable_system, "/?display&board=judged")
    join = page.locator("#board-empty .join")
    expect(join).to_contain_text("Watch here: scores.example:8000/?board=judged")
    judged = join.locator("svg").inner_html()
    page.goto(f"{reachable_system.url}/?display")
    assert page.locator("#board-empty .join svg").inner_html() != judged


def test_a_board_that_closes_calls_to_watch_and_no_longer_to_play(
    open_page: OpenPage, reachable_system: SystemHarness
) -> None:
    with services_in(reachable_system.environment()) as services:
        create_board(services, "taps", scored_by="players", min_points=1, max_points=1)
        display = open_page(reachable_system, "/?display&board=taps")
        phone = open_page(reachable_system, "/?board=taps", viewport={"width": 360, "height": 740})
        expect_call(display, "Play along:", "The first point takes the lead.")
        expect_call(phone, *CALLS_OF_A_PHONE)
        services.boards.edit(OPERATOR, "taps", times={"closes_at": "now"})
        expect_call(display, "Watch here:")
        expect_call(phone, "Log in")
        services.boards.edit(OPERATOR, "taps", times={"closes_at": None})
        expect_call(display, "Play along:", "The first point takes the lead.")
        expect_call(phone, *CALLS_OF_A_PHONE)


def expect_call(page: Page, *texts: str) -> None:
    """Expect that the empty board shows these calls and no others."""
    every = {
        "Play along:",
        "Watch here:",
        "The first point takes the lead.",
        "Log in to play",
        "Log in",
        "Create an account to play",
    }
    board = page.locator(".board")
    for text in texts:
        expect(board.get_by_text(text, exact=True).locator("visible=true").first).to_be_visible()
    for text in every - set(texts):
        expect(board.get_by_text(text, exact=True).locator("visible=true")).to_have_count(0)


def picture_width(join: Locator) -> float:
    box = join.locator("svg").bounding_box()
    assert box is not None
    return box["width"]


def is_on_top(part: Locator) -> bool:
    is_there: bool = part.evaluate(
        """part => {
            const { x, y, width, height } = part.getBoundingClientRect();
            return part.contains(document.elementFromPoint(x + width / 2, y + height / 2));
        }"""
    )
    return is_there


def test_no_code_is_shown_if_phones_cannot_reach_the_address(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system, "/?display")
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert page.locator(".join").count() == 0


def test_players_are_not_shown_the_code(
    open_page: OpenPage, reachable_system: SystemHarness
) -> None:
    page = open_page(reachable_system)
    expect(page.locator("#login-forms")).to_be_visible()
    assert page.locator(".join").count() == 0
