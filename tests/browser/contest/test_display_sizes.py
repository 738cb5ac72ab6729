"""The sizes of names and scores on a display of a contest, to be read from 10 m."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.contest.sample_finals import (
    NAMES,
    OPERATOR,
    after,
    create_finals,
    play_finals,
    score,
)
from tests.browser.page_actions import LIVE, expect
from tests.support.services import Services
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow

NAME_PX, SCORE_PX = 48, 60
SCREENS = ((1920, 1080), (1080, 1920))
_SIZES = """(parts, selector) => parts.flatMap(part => [...part.querySelectorAll(selector)])
    .map(text => parseFloat(getComputedStyle(text).fontSize))"""
_CUT_PARTS = """parts => parts.filter(part => part.scrollHeight > part.clientHeight)
    .map(part => [part.id || part.className, part.scrollHeight, part.clientHeight])"""
_PARTS = "#board-rows:visible, #stage:visible, #podium:visible"


def test_names_have_48_px_and_scores_60_px_on_a_display_in_each_state_of_a_contest(
    open_page: OpenPage, system: SystemHarness, services: Services, finalists: list[str]
) -> None:
    key = create_finals(services, "sizes", {"closes_at": after(hours=1)})
    play_finals(services, key, finalists)
    displays = open_displays(open_page, system, services, key)
    check_sizes(displays, "#board-rows", 10, 10)
    services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
    services.reveals.reveal(OPERATOR, key, "act")
    # The player, five rows around, and the next player.
    check_sizes(displays, "#stage", 7, 7)
    services.reveals.reveal(OPERATOR, key, "all")
    check_sizes(displays, "#podium", 3, 3)


def test_a_podium_on_a_display_has_room_for_its_steps_whoever_shares_a_rank(
    open_page: OpenPage, system: SystemHarness, services: Services, finalists: list[str]
) -> None:
    long, others = finalists[NAMES.index(max(NAMES, key=len))], finalists[12:]
    for key, points in (
        ("one", (9, 8, 7, 6)),
        ("three-firsts", (9, 9, 9, 6)),
        ("five-firsts", (9, 9, 9, 9, 9)),
        ("two-seconds", (9, 8, 8, 6)),
        ("five-thirds", (9, 8, 7, 7, 7, 7, 7)),
    ):
        create_finals(services, key)
        score(services, key, dict(zip([long, *others], points, strict=False)))
        services.boards.edit(OPERATOR, key, times={"closes_at": "now"})
        services.reveals.finalize(OPERATOR, key)
        for page in open_displays(open_page, system, services, key):
            expect(page.locator("#podium")).to_be_visible()
            parts = page.locator("#podium, #podium ol, #podium li")
            assert parts.evaluate_all(_CUT_PARTS) == [], key
            page.close()


def open_displays(
    open_page: OpenPage, system: SystemHarness, services: Services, key: str
) -> list[Page]:
    """A live display of the board on a projector, and one on an upright screen."""
    token = services.display_tokens.issue(OPERATOR, "hall", 600).jwt
    path = f"/?display&board={key}#{token}"
    pages = [
        open_page(system, path, viewport={"width": width, "height": height})
        for width, height in SCREENS
    ]
    for page in pages:
        expect(page.locator("#connection")).to_have_text(LIVE)
    return pages


def check_sizes(displays: list[Page], part: str, names: int, scores: int) -> None:
    """Wait until the part has that many, and measure it and the board beside it."""
    for page in displays:
        expect(page.locator(f"{part} :is(.name, .stage-name)")).to_have_count(names)
        expect(page.locator(f"{part} .total")).to_have_count(scores)
        expect(page.locator(part)).to_be_visible()
        expect(page.locator("#board-rows tr")).to_have_count(10)
        shown: Callable[..., list[float]] = page.locator(_PARTS).evaluate_all
        assert min(shown(_SIZES, ":is(.name, .stage-name)")) >= NAME_PX
        assert min(shown(_SIZES, ".total")) >= SCORE_PX
