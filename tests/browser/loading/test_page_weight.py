"""What the page loads before the chart, and that it names all of it at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import pytest
import requests

from tests.browser.conftest import OpenPage, system_with
from tests.browser.loading.transfers import Transfers
from tests.browser.page_actions import (
    LIVE,
    expect,
    player_just_below_top_ten,
    score_on_board,
    show_chart,
)
from tests.support.servers import DatabaseServer
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import ViewportSize

MAX_BYTES_BEFORE_CHART = 120_000
PHONE: ViewportSize = {"width": 360, "height": 740}
NAMED = re.compile(r'(?:href|src)="(/?assets/[^"]+)"')
FONT = re.compile(r"/archivo-([a-z-]+)-wdth-normal\.woff2$")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def full_board(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system with ten rows, whose names need no other than the basic font."""
    for system in system_with(postgres, tmp_path_factory, {}):
        for number in range(10):
            system.register(f"Player {number}").score_point()
        yield system


def test_a_phone_loads_at_most_120_kb_before_the_chart(
    open_page: OpenPage, full_board: SystemHarness
) -> None:
    page = open_page(full_board, "/health", viewport=PHONE)
    transfers = Transfers(page)
    page.goto(f"{full_board.url}/")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    expect(page.locator("#connection")).to_have_text(LIVE)
    # The history comes last, and the chart would need it.
    expect(page.locator("#chart")).to_have_attribute("aria-label", re.compile("Player 9"))
    assert not any("uPlot.esm" in address for address in transfers.bytes_by_address)
    assert transfers.total_bytes <= MAX_BYTES_BEFORE_CHART
    with page.expect_response("**/uPlot.esm.js*"):
        show_chart(page)


def test_the_page_itself_names_every_file_that_it_loads_before_the_chart(
    open_page: OpenPage, full_board: SystemHarness
) -> None:
    page = open_page(full_board, "/health", viewport=PHONE)
    transfers = Transfers(page)
    page.goto(f"{full_board.url}/")
    expect(page.locator("#connection")).to_have_text(LIVE)
    html = requests.get(f"{full_board.url}/", timeout=10).text
    named = {urljoin(full_board.url, address) for address in NAMED.findall(html)}
    loaded = {address for address in transfers.bytes_by_address if "/assets/" in address}
    assert len(loaded) > 30
    assert loaded - named == set()


# The last test, because the name stays on the board.
def test_only_a_name_with_other_characters_loads_another_font(
    open_page: OpenPage, full_board: SystemHarness
) -> None:
    page = open_page(full_board, "/health", viewport=PHONE)
    transfers = Transfers(page)
    page.goto(f"{full_board.url}/")
    expect(page.locator("#board-rows tr")).to_have_count(10)
    page.evaluate("document.fonts.ready")
    assert fonts_of(transfers) == {"basic"}
    player = player_just_below_top_ten(full_board, "Zoë")
    with page.expect_response(FONT) as reply:
        player.score_point()
    assert fonts_of(transfers) | {name_of_font(reply.value.url)} == {"basic", "latin"}
    expect(score_on_board(page, player)).to_be_visible()


def fonts_of(transfers: Transfers) -> set[str]:
    return {name_of_font(address) for address in transfers.bytes_by_address if FONT.search(address)}


def name_of_font(address: str) -> str:
    match = FONT.search(address)
    assert match is not None
    return match[1]
