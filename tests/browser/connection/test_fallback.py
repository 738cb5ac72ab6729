"""How the page receives its board: by the WebSocket, else by the event stream, else by polling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    NOT_LIVE,
    await_events,
    expect,
    expect_transport,
    log_in,
    player_just_below_top_ten,
    record_states,
    score_on_board,
    submit_login,
)
from tests.support.system.harness import SystemHarness
from tests.support.system.relay import Relay

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

FALLBACK_MS = 5_000
BACK_MS = 5_000
"""An attempt is made at least every 4 s."""
SHOWN_MS = 1_000
# The modules of a page run after it has become interactive.
RELAYED = """document.addEventListener("readystatechange", () => {
    document.body.dataset.broadcasterPort = "%d";
});"""

pytestmark = pytest.mark.slow


@pytest.fixture
def relay(running_system: SystemHarness) -> Iterator[Relay]:
    """In front of the broadcaster."""
    with Relay(running_system.broadcaster_port) as relay:
        yield relay


@pytest.fixture
def page(open_page: OpenPage, running_system: SystemHarness, relay: Relay) -> Page:
    """The live page, which reaches the broadcaster only through the relay."""
    # The policy of the page does not allow the relay. Other tests run with it.
    return open_page(running_system, "/health", RELAYED % relay.port, bypass_csp=True)


def test_a_visitor_gets_a_point_by_the_stream_within_a_second_and_never_polls(
    page: Page, running_system: SystemHarness
) -> None:
    polls: list[str] = []
    page.on("request", lambda request: polls.append(request.url))
    page.goto(running_system.url)
    expect_transport(page, "stream")
    expect_new_point(page, running_system)
    assert not any("/api/leaderboard?" in url for url in polls)


def test_where_upgrades_are_refused_a_player_is_live_by_the_stream_within_five_seconds(
    page: Page, running_system: SystemHarness, relay: Relay
) -> None:
    relay.refuse_upgrades = True
    page.goto(running_system.url)
    submit_login(page, running_system.register())
    expect(page.locator("#player")).to_be_visible()
    expect_transport(page, "stream", FALLBACK_MS)
    expect_new_point(page, running_system)


def test_where_streams_are_refused_too_the_page_polls_within_five_seconds(
    page: Page, running_system: SystemHarness, relay: Relay
) -> None:
    relay.refuse_upgrades = relay.refuse_streams = True
    page.goto(running_system.url)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE, timeout=FALLBACK_MS)
    submit_login(page, running_system.register())
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#connection")).to_have_text(NOT_LIVE, timeout=FALLBACK_MS)
    scorer = player_just_below_top_ten(running_system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score))


def test_where_the_broadcaster_never_answers_the_page_polls_within_five_seconds(
    page: Page, running_system: SystemHarness, relay: Relay
) -> None:
    page.goto(running_system.url)
    log_in(page, running_system.register())
    relay.silence(new_ones_too=True)
    page.reload()
    expect(page.locator("#connection")).to_have_text(NOT_LIVE, timeout=FALLBACK_MS)


@pytest.mark.parametrize("transport", ["stream", "websocket"])
def test_the_page_is_live_at_once_when_the_broadcaster_is_back(
    page: Page, running_system: SystemHarness, relay: Relay, transport: str
) -> None:
    page.goto(running_system.url)
    if transport == "websocket":
        log_in(page, running_system.register())
    expect_transport(page, transport)
    relay.down()
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    # Long enough that a growing delay would have grown.
    page.wait_for_timeout(8_000)
    relay.up()
    expect_transport(page, transport, BACK_MS)
    expect_new_point(page, running_system)


def test_a_stream_that_was_lost_in_a_sleep_is_replaced_at_once(
    page: Page, running_system: SystemHarness, relay: Relay
) -> None:
    scorer = player_just_below_top_ten(running_system)
    page.goto(running_system.url)
    expect_transport(page, "stream")
    relay.silence()
    score = scorer.score_point()["newScore"]
    record_states(page)
    wake(page)
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=FALLBACK_MS)
    assert page.evaluate("states") == []


def test_a_stream_that_receives_a_board_after_a_wake_stays(
    page: Page, running_system: SystemHarness
) -> None:
    streams: list[str] = []

    def record(request: Request) -> None:
        if request.url.endswith("/stream"):
            streams.append(request.url)

    page.on("request", record)
    scorer = player_just_below_top_ten(running_system)
    page.goto(running_system.url)
    expect_transport(page, "stream")
    wake(page)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=SHOWN_MS)
    # The next wake comes when the check of the first one has ended.
    page.wait_for_timeout(2_500)
    assert len(streams) == 1
    wake(page)
    await_events(page, lambda: len(streams) == 2)


def expect_new_point(page: Page, system: SystemHarness) -> None:
    """A point of a player just below the top ten has to be shown within a second."""
    scorer = player_just_below_top_ten(system)
    score = scorer.score_point()["newScore"]
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=SHOWN_MS)


def wake(page: Page) -> None:
    """As after a change of the network."""
    page.evaluate("dispatchEvent(new Event('online'))")
