"""The live page after sleep and after a change of the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.page_actions import (
    LIVE,
    NOT_LIVE,
    await_events,
    expect,
    expect_transport,
    log_in,
    player_just_below_top_ten,
    record_states,
    refuse_streams,
    score_on_board,
)
from tests.support.system.harness import SystemHarness

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route, WebSocketRoute

SIGNALS = {
    "shown": "document.dispatchEvent(new Event('visibilitychange'))",
    "online": "dispatchEvent(new Event('online'))",
    "offline": "dispatchEvent(new Event('offline'))",
    "slept": "const now = Date.now; Date.now = () => now.call(Date) + 60_000",
}
RECONNECTED_WITHIN_MS = 5_000

pytestmark = pytest.mark.slow


class Network:
    """The page's WebSockets; those that exist when `cut` is called carry nothing from then on."""

    def __init__(self, page: Page) -> None:
        self.connections = 0
        self.pings = 0
        self._last_dead = 0
        page.route_web_socket("**/ws", self._forward)

    def cut(self) -> None:
        self._last_dead = self.connections

    def _forward(self, connection: WebSocketRoute) -> None:
        self.connections += 1
        number = self.connections
        server = connection.connect_to_server()

        def to_server(message: str | bytes) -> None:
            self.pings += json.loads(message)["type"] == "ping"
            if number > self._last_dead:
                server.send(message)

        def to_page(message: str | bytes) -> None:
            if number > self._last_dead:
                connection.send(message)

        connection.on_message(to_server)
        server.on_message(to_page)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_dead_connection_is_replaced_within_seconds_of_a_wake(
    open_page: OpenPage, running_system: SystemHarness, signal: str
) -> None:
    scorer = player_just_below_top_ten(running_system)
    page = open_page(running_system)
    network = Network(page)
    page.reload()
    log_in(page, running_system.register())
    network.cut()
    score = scorer.score_point()["newScore"]
    record_states(page)
    page.evaluate(SIGNALS[signal])
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=RECONNECTED_WITHIN_MS)
    assert page.evaluate("states") == ["connecting…", LIVE]
    assert network.connections == 2


def test_signals_that_follow_each_other_do_not_delay_the_replacement(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    scorer = player_just_below_top_ten(running_system)
    page = open_page(running_system)
    network = Network(page)
    page.reload()
    log_in(page, running_system.register())
    network.cut()
    score = scorer.score_point()["newScore"]
    page.evaluate(f"setInterval(() => {SIGNALS['online']}, 500)")
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=RECONNECTED_WITHIN_MS)


def test_a_connection_that_replies_after_a_wake_stays_and_is_live_throughout(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    network = Network(page)
    page.reload()
    log_in(page, running_system.register())
    record_states(page)
    for signal in SIGNALS.values():
        pings = network.pings
        page.evaluate(signal)
        await_events(page, lambda: network.pings > pings)  # noqa: B023 - called at once
        # Longer than the page waits for the reply.
        page.wait_for_timeout(2_500)
        assert network.pings == pings + 1
    assert network.connections == 1
    assert page.evaluate("states") == []


def test_a_page_whose_websocket_was_refused_tries_again_at_once_when_it_is_shown(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    log_in(page, running_system.register())
    down = [True]

    def refuse_while_down(connection: WebSocketRoute) -> None:
        if down[0]:
            connection.close(code=1011)
        else:
            connection.connect_to_server()

    page.route_web_socket("**/ws", refuse_while_down)
    page.reload()
    expect_transport(page, "stream")
    down[0] = False
    page.evaluate(SIGNALS["shown"])
    # By itself it would try after 15 to 30 s.
    expect_transport(page, "websocket", RECONNECTED_WITHIN_MS)


def test_polling_continues_at_once_after_a_wake_although_a_call_hangs(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    scorer = player_just_below_top_ten(running_system)
    page = open_page(running_system, "/health")
    refuse_streams(page)
    page.goto(running_system.url)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    hanging: list[Route] = []

    def hang_once(route: Route) -> None:
        if hanging:
            route.continue_()
        else:
            hanging.append(route)

    page.route("**/api/leaderboard?*", hang_once)
    with page.expect_request("**/api/leaderboard?*"):
        pass
    score = scorer.score_point()["newScore"]
    page.evaluate(SIGNALS["online"])
    # The call that hangs would be given up after 10 s.
    expect(score_on_board(page, scorer)).to_have_text(str(score), timeout=5_000)
    hanging[0].abort()
    page.wait_for_timeout(200)
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
