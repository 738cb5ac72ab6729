"""Pictures of every screen and state, for a person to look at: `make screens FOLDER=…`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from app.audit.audited_change import Initiator
from tests.browser.boards.sample_boards import QUIZ, RACE, create_boards, report
from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import LIVE, expect, log_in, score_a_point, submit_login
from tests.browser.sample_contest import play_sample_contest
from tests.support.servers import DatabaseServer
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = os.environ.get("SCREENS", "")
SIZES = ((360, 740), (768, 1024), (1280, 800), (1920, 1080), (1080, 1920))
OPERATOR = Initiator("operator:test", "seven accounts")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="only for `make screens`"),
]


@pytest.fixture(scope="module")
def empty_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    yield from system_with(postgres, tmp_path_factory, {})


@pytest.fixture(scope="module")
def contest(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with a full board: long names, several scripts and ties."""
    for system in system_with(postgres, tmp_path_factory, {"INCREMENT_LIMIT": "60 per minute"}):
        play_sample_contest(system)
        yield system


@pytest.fixture(scope="module")
def board_evening(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SystemHarness, list[Player]]]:
    """A system with boards beside `main`, and 14 players on each."""
    for system in system_with(postgres, tmp_path_factory, {}):
        with services_in(system.environment()) as services:
            create_boards(services)
            players = [system.register(f"Player of Table {number}") for number in range(14)]
            for number, player in enumerate(players):
                report(services, player, 990 - 61 * number)
                report(services, player, 41_250 + 317 * number**2, RACE.key)
            yield system, players


@pytest.fixture(scope="module")
def services(contest: SystemHarness) -> Iterator[Services]:
    with services_in(contest.environment()) as opened:
        yield opened


def take(page: Page, name: str, *, full: bool = True) -> None:
    """A picture in each size and scheme."""
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.fonts.ready")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            if full:
                # The chart is loaded when it is visible.
                page.evaluate("scrollTo(0, document.body.scrollHeight)")
                page.wait_for_timeout(400)
                page.evaluate("scrollTo(0, 0)")
            # The chart is drawn at most once a second.
            page.wait_for_timeout(1_200)
            folder = Path(FOLDER) / name
            page.screenshot(path=folder / f"{width}x{height}-{scheme}.png", full_page=full)


def test_boards_without_a_login(
    open_page: OpenPage, empty_system: SystemHarness, contest: SystemHarness
) -> None:
    page = open_page(empty_system)
    expect(page.locator("#board-empty")).to_be_visible()
    take(page, "empty")
    page = open_page(contest)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "board")
    page.route("**/api/**", lambda route: route.abort())
    expect(page.locator("#connection")).to_contain_text("trying again")
    take(page, "unreachable")


def test_a_player_and_a_ban(
    open_page: OpenPage, contest: SystemHarness, services: Services
) -> None:
    player = contest.register("Nia of the Below")
    page = open_page(contest)
    log_in(page, player)
    score_a_point(page)
    expect(page.locator("#around")).to_be_visible()
    take(page, "player")
    services.moderation.ban(OPERATOR, player.user_id)
    expect(page.locator("#notice")).to_be_visible()
    take(page, "banned")
    submit_login(page, player)
    expect(page.locator("#log-in-form [data-form-error]")).not_to_be_empty()
    take(page, "banned-login")
    page.get_by_role("button", name="Create an account").last.click()
    page.locator("#register-form").get_by_role("button").click()
    take(page, "register-errors")


def test_an_admin(open_page: OpenPage, contest: SystemHarness, services: Services) -> None:
    admin = contest.register("Ada the Admin")
    services.moderation.set_role(OPERATOR, admin.user_id, "admin")
    page = open_page(contest)
    log_in(page, admin)
    expect(page.locator("#pairing")).to_be_visible()
    take(page, "admin")


def test_the_standings(open_page: OpenPage, contest: SystemHarness) -> None:
    page = open_page(contest, "/#standings")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    take(page, "standings")
    page.get_by_role("searchbox").fill("unregistered")
    expect(page.locator("#standings-rows tr")).to_have_count(0)
    take(page, "standings-nothing-found")
    page = open_page(contest, "/#standings")
    expect(page.locator("#standings-rows tr").first).to_be_visible()
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})
    page.screenshot(path=Path(FOLDER) / "print" / "standings.png")
    page = open_page(contest)
    expect(page.locator("#board-rows tr")).to_have_count(10)
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    page.screenshot(path=Path(FOLDER) / "print" / "board.png")
    page.emulate_media(media="screen", forced_colors="active")
    page.goto(f"{contest.url}/#standings")
    take(page, "forced-colours")


def test_displays(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness, services: Services
) -> None:
    page = open_page(contest, "/?display")
    expect(page.locator("#notice code")).to_be_visible()
    take(page, "display-unpaired", full=False)
    issued = services.display_tokens.issue(OPERATOR, "hall", 600)
    page.goto(f"{contest.url}/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    take(page, "display", full=False)
    page = open_page(empty_system, "/?display")
    expect(page.locator("#notice code")).to_be_visible()
    take(page, "display-empty", full=False)


@pytest.mark.parametrize("state", ["present", "past", "low", "menu", "player"])
def test_boards_and_periods(
    open_page: OpenPage,
    board_evening: tuple[SystemHarness, list[Player]],
    state: str,
) -> None:
    system, players = board_evening
    if state == "low":
        page = open_page(system, f"/?board={RACE.key}")
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
    take(page, f"boards-{state}")
    if state == "present":
        page = open_page(system, f"/?display&board={QUIZ.key}&period=week")
        expect(page.locator("#board-rows tr")).to_have_count(10)
        take(page, "boards-display", full=False)
        page = open_page(system, f"/?board={QUIZ.key}&period=month", locale="de-DE")
        take(page, "boards-german")


def test_docs(open_page: OpenPage, contest: SystemHarness) -> None:
    page = open_page(contest, "/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    take(page, "docs", full=False)


def test_boards_without_controls(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness
) -> None:
    page = open_page(contest, "/embed/main")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "embed")
    page.route("**/api/**", lambda route: route.abort())
    expect(page.locator("#problem")).to_be_visible()
    take(page, "embed-unreachable")
    take(open_page(empty_system, "/embed/main?rows=5"), "embed-empty")
    take(open_page(contest, "/embed/main?rows=3&theme=dark"), "embed-dark")


@pytest.mark.parametrize("query", ["rows=10", "rows=5&theme=light"])
def test_overlays(open_page: OpenPage, contest: SystemHarness, query: str) -> None:
    page = open_page(contest, f"/?overlay&{query}", viewport={"width": 1920, "height": 1080})
    page.evaluate("document.fonts.ready")
    name = query.replace("&", "-")
    page.screenshot(path=Path(FOLDER) / "overlay" / f"{name}.png", omit_background=True)
    # The picture of a broadcast, with bright and dark parts.
    page.evaluate(
        "document.documentElement.style.background ="
        " 'repeating-linear-gradient(45deg, #3b6, #fff 400px, #124 800px)'"
    )
    page.screenshot(path=Path(FOLDER) / "overlay" / f"{name}-over-a-picture.png")
