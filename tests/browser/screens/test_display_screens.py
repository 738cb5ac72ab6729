"""Pictures of screens in a hall, of embedded boards and of boards over a broadcast."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audit.audited_change import Initiator
from tests.browser.boards.sample_boards import QUIZ
from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import LIVE, expect, refuse_streams
from tests.browser.screens.pictures import FOLDER, on_request, take
from tests.support.servers import DatabaseServer
from tests.support.services import Services
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

OPERATOR = Initiator("operator:test", "a picture")

pytestmark = [pytest.mark.slow, on_request]


def test_displays(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness, services: Services
) -> None:
    page = open_page(contest, "/?display")
    expect(page.locator("#notice.small code")).to_be_visible()
    take(page, "display-with-a-code", full=False)
    refuse_streams(page)
    page.reload()
    expect(page.locator("#notice:not(.small) code")).to_be_visible()
    take(page, "display-unpaired", full=False)
    issued = services.display_tokens.issue(OPERATOR, "hall", 600)
    page.goto(f"{contest.url}/?display#{issued.jwt}")
    expect(page.locator("#connection")).to_have_text(LIVE)
    take(page, "display", full=False)
    page.context.set_offline(True)
    expect(page.locator("#connection")).not_to_have_text(LIVE)
    take(page, "display-offline", full=False)
    page = open_page(empty_system, "/?display")
    expect(page.locator("#connection")).to_have_text(LIVE)
    take(page, "display-empty", full=False)
    page = open_page(contest, "/?display", locale="de-DE")
    refuse_streams(page)
    page.reload()
    expect(page.locator("#notice code")).to_be_visible()
    take(page, "display-german", full=False)


def test_displays_of_boards(
    open_page: OpenPage, board_evening: tuple[SystemHarness, list[Player]]
) -> None:
    system, _ = board_evening
    page = open_page(system, f"/?display&board={QUIZ.key}&period=week")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "boards-display", full=False)
    page = open_page(system, "/?display&board=duel")
    expect(page.locator("#board-rows tr")).to_have_count(3)
    take(page, "display-few-rows", full=False)


def test_boards_without_controls(
    open_page: OpenPage, contest: SystemHarness, empty_system: SystemHarness
) -> None:
    page = open_page(contest, "/embed/main")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    take(page, "embed")
    refuse_streams(page)
    page.route(f"{contest.url}/api/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#problem")).to_be_visible()
    take(page, "embed-unreachable")
    take(open_page(empty_system, "/embed/main?rows=5"), "embed-empty")
    take(open_page(contest, "/embed/main?rows=3&theme=dark"), "embed-dark")


def test_a_board_that_cannot_be_shown(
    open_page: OpenPage, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for system in system_with(postgres, tmp_path_factory, {"READ_LIMIT": "1 per hour"}):
        open_page(system, "/embed/nothing")
        page = open_page(system, "/embed/nothing")
        expect(page.get_by_text("This page tries again in")).to_be_visible()
        take(page, "embed-limited")
        page = open_page(system, "/?display&board=nothing", locale="de-DE")
        expect(page.get_by_text("Diese Seite versucht es in")).to_be_visible()
        take(page, "display-limited-german", full=False)


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
