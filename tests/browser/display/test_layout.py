"""The board on a display: which texts it has, and how large they are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import expect, player_just_below_top_ten
from tests.support.service_acts import act_id, create_board, statuses
from tests.support.services import Services
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [360, 768, 1920])
def test_no_display_shows_usernames(
    open_page: OpenPage, running_system: SystemHarness, width: int
) -> None:
    player_just_below_top_ten(running_system, "Ada L.").score_point()
    page = open_page(running_system, "/?display", viewport={"width": width, "height": 1080})
    row = page.locator(".board tbody tr").first
    expect(row.locator(".name")).to_be_visible()
    expect(row.locator(".username")).to_have_text(re.compile("^@"))
    expect(row.locator(".username")).to_be_hidden()


def test_names_have_48_px_and_scores_60_px_on_a_projector(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player_just_below_top_ten(running_system).score_point()
    page = open_page(running_system, "/?display", viewport={"width": 1920, "height": 1080})
    assert font_sizes(page) >= (48, 60)


def test_few_rows_are_larger_and_have_room_for_two_lines_of_a_name(
    open_page: OpenPage, running_system: SystemHarness, operator: Services
) -> None:
    create_board(operator, "duel")
    for number in range(2):
        player = running_system.register(f"Wolfeschlegelsteinhausenbergerdorff, Hubert {number}")
        act = {"id": act_id(), "userId": player.user_id, "board": "duel", "points": 1}
        assert statuses(operator, act, boards=("duel",)) == ["counted"]
    path = "/?display&board=duel"
    page = open_page(running_system, path, viewport={"width": 1920, "height": 1080})
    rows = page.locator("#board-rows tr")
    expect(rows).to_have_count(2)
    assert font_sizes(page) >= (57, 72)
    name, row = rows.first.locator(".name").bounding_box(), rows.first.bounding_box()
    assert name is not None
    assert row is not None
    assert 2 * 57 < name["height"] < row["height"]
    assert row["height"] > 130


def font_sizes(page: Page) -> tuple[float, float]:
    """Of the first name and the first score, in px."""
    sizes = []
    for part in (".name", ".total"):
        text = page.locator(f"#board-rows {part}").first
        expect(text).to_be_visible()
        sizes.append(text.evaluate("text => parseFloat(getComputedStyle(text).fontSize)"))
    return sizes[0], sizes[1]
