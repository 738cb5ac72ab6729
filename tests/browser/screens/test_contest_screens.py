"""Pictures of a contest, from the countdown to the podium: `make screens FOLDER=…`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import OpenPage, system_with
from tests.browser.contest.sample_finals import (
    OPERATOR,
    after,
    create_finals,
    insert_finalists,
    play_finals,
    score,
)
from tests.browser.page_actions import expect, expect_transport
from tests.browser.screens.pictures import FOLDER, on_request, take
from tests.support.servers import DatabaseServer
from tests.support.services import Services, services_in
from tests.support.system.harness import SystemHarness

pytestmark = [pytest.mark.slow, on_request]

Finals = tuple[SystemHarness, Services, list[str]]

LIFTED_MS, CLIMBING_MS = 600, 1_100
_STOP_AT = """time => document.getAnimations().forEach(animation => {
    animation.pause();
    animation.currentTime = time;
})"""


@pytest.fixture(scope="module")
def finals(postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finals]:
    """A system with 120 players, and no board but `main`."""
    for system in system_with(postgres, tmp_path_factory, {}):
        with services_in(system.environment()) as services:
            yield system, services, insert_finalists(services)


def take_all(open_page: OpenPage, finals: Finals, key: str, name: str) -> None:
    """The page, the display and a frame of another site."""
    system, services, _ = finals
    page = open_page(system, f"/?board={key}")
    expect(page.locator("#board-rows tr").or_(page.locator("#board-empty")).first).to_be_visible()
    take(page, f"contest-{name}")
    token = services.display_tokens.issue(OPERATOR, "hall", 600).jwt
    page = open_page(system, f"/?display&board={key}#{token}")
    expect_transport(page, "websocket")
    take(page, f"contest-{name}-display", full=False)
    take(open_page(system, f"/embed/{key}?rows=5"), f"contest-{name}-embed")
    page = open_page(system, f"/?overlay&board={key}", viewport={"width": 1920, "height": 1080})
    page.evaluate("document.fonts.ready")
    page.screenshot(path=Path(FOLDER) / "contest-overlay" / f"{name}.png")


def test_a_clock_in_each_state(open_page: OpenPage, finals: Finals) -> None:
    _, services, users = finals
    key = create_finals(
        services, "scheduled", {"opens_at": after(hours=26), "closes_at": after(days=3)}
    )
    take_all(open_page, finals, key, "scheduled")
    key = create_finals(
        services, "open", {"freezes_at": after(minutes=40), "closes_at": after(hours=1)}
    )
    score(services, key, {user: 1210 - 10 * rank for rank, user in enumerate(users, 1)})
    take_all(open_page, finals, key, "open")
    services.boards.edit(OPERATOR, key, times={"freezes_at": "now"})
    take_all(open_page, finals, key, "frozen")
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    take_all(open_page, finals, key, "closed")


def test_a_reveal_and_its_podium(open_page: OpenPage, finals: Finals) -> None:
    system, services, users = finals
    key = create_finals(services, "reveal")
    play_finals(services, key, users)
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    for size in ((360, 740), (1280, 800), (1920, 1080)):
        page = open_page(
            system,
            f"/?display&board={key}",
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark",
        )
        expect(page.locator("#clock")).to_have_attribute("data-state", "closed")
        services.reveals.reveal(OPERATOR, key, "act")
        expect(page.locator("#stage")).to_be_visible()
        for moment in (LIFTED_MS, CLIMBING_MS):
            page.evaluate(_STOP_AT, moment)
            path = Path(FOLDER) / "contest-climb" / f"{size[0]}-{moment}.png"
            page.screenshot(path=path)
        services.reveals.undo(OPERATOR, key)
    services.reveals.reveal(OPERATOR, key, "act")
    take_all(open_page, finals, key, "reveal-120")
    services.reveals.reveal(OPERATOR, key, "act")
    take_all(open_page, finals, key, "reveal-12")
    services.reveals.reveal(OPERATOR, key, "all")
    take_all(open_page, finals, key, "podium")
    services.reveals.finalize(OPERATOR, key)
    take_all(open_page, finals, key, "final")


def test_a_podium_with_ties(open_page: OpenPage, finals: Finals) -> None:
    _, services, users = finals
    key = create_finals(services, "ties")
    score(services, key, dict(zip(users, (900, 900, 800, 800, 800, 800, 700), strict=False)))
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    services.reveals.finalize(OPERATOR, key)
    take_all(open_page, finals, key, "ties")
