"""The live page when replies are lost, connections end and servers stop."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage, system_with
from tests.browser.page_actions import (
    LIVE,
    NOT_LIVE,
    RECONNECTING,
    console_errors_of,
    expect,
    expect_transport,
    intercept_websockets,
    log_in,
    name_of,
    record_states,
    refuse_streams,
    score_a_point,
    score_on_board,
    states_until_live,
    submit_login,
)
from tests.support.servers import DatabaseServer
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tools.local.processes import end

if TYPE_CHECKING:
    from playwright.sync_api import Route, WebSocket

CLOSE_TOKEN_ENDED = 4401
CLOSE_GOING_AWAY = 1001
INCREMENT = "**/api/scores/increment"

pytestmark = pytest.mark.slow


@pytest.fixture
def disposable_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """A system whose processes the test stops."""
    yield from system_with(postgres, tmp_path_factory, {})


def test_a_point_counts_once_if_the_reply_was_lost(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    log_in(page, player)
    tokens: list[str] = []

    def lose_first_reply(route: Route) -> None:
        tokens.append(route.request.post_data or "")
        if len(tokens) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(INCREMENT, lose_first_reply)
    score_a_point(page)
    assert len(tokens) == 2
    assert len(set(tokens)) == 1
    expect(page.locator("#own-score")).to_have_text("1")
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_a_connection_closed_because_of_its_token_is_reopened_with_a_new_token(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, running_system.register())
    with page.expect_response("**/api/auth/refresh") as renewal:
        connections[0].close(code=CLOSE_TOKEN_ENDED)
    assert renewal.value.ok
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert len(connections) == 2


def test_a_lost_connection_is_reopened(open_page: OpenPage, running_system: SystemHarness) -> None:
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, running_system.register())
    record_states(page)
    connections[0].close(code=1011)
    assert RECONNECTING.match(states_until_live(page)[0])


def test_after_a_disconnect_frame_the_page_reconnects_after_the_servers_delay(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, running_system.register())
    disconnect = {"reason": "shutting_down", "reconnectInMs": 2_500}
    record_states(page)
    connections[0].send(json.dumps({"event": "disconnect", "data": disconnect}))
    closed_at = time.monotonic()
    connections[0].close(code=CLOSE_GOING_AWAY)
    assert states_until_live(page)[0] == "reconnecting in 3 s"
    assert time.monotonic() - closed_at >= 2.5
    assert len(connections) == 2


def test_after_a_disconnect_without_delay_the_page_continues_by_the_stream(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, player)
    disconnect = {"reason": "nonsense", "reconnectInMs": None}
    connections[0].send(json.dumps({"event": "disconnect", "data": disconnect}))
    connections[0].close(code=1008)
    expect_transport(page, "stream")
    expect(page.locator("#player")).to_be_visible()
    assert len(connections) == 1


def test_a_server_shutdown_and_unknown_events_are_ignored(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    console_errors = console_errors_of(page)
    connections = intercept_websockets(page)
    log_in(page, running_system.register())
    for event in (
        {"event": "server_shutdown", "data": {"instance": "web-1"}},
        {"event": "confetti", "data": {"colours": 7}},
        {"event": "pong"},
    ):
        connections[0].send(json.dumps(event))
    score_a_point(page)
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert len(connections) == 1
    assert console_errors == []


def test_after_a_restart_of_the_servers_the_page_reconnects_and_shows_their_board(
    open_page: OpenPage, disposable_system: SystemHarness
) -> None:
    player, other = disposable_system.register(), disposable_system.register()
    page = open_page(disposable_system)
    log_in(page, player)
    stopping = disposable_system.broadcasters[0], disposable_system.web[0]
    for process in stopping:
        process.send_signal(signal.SIGTERM)
    expect(page.locator("#connection")).to_have_text(RECONNECTING)
    for process in stopping:
        end(process, (signal.SIGTERM, 10))
    disposable_system.start_web(disposable_system.ports[0])
    disposable_system.start_broadcaster(disposable_system.broadcaster_port)
    disposable_system.wait_until_ready()
    other.score_point()
    # By whichever transport is connected first: the page looks for a better one every 30 s.
    expect(page.locator("#connection")).to_have_text(LIVE, timeout=40_000)
    expect(score_on_board(page, other)).to_have_text("1")
    score_a_point(page)


def test_a_session_that_ends_while_the_broadcaster_is_down_logs_the_page_out(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    page.route_web_socket("**/ws", lambda connection: connection.close(code=1011))
    refuse_streams(page)
    page.reload()
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    submit_login(page, player)
    expect(page.locator("#player")).to_be_visible()
    change = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
    assert player.call("POST", "/auth/password", json=change).status_code == 200
    expect(page.locator("#notice")).to_have_text("Your session has ended. Please log in again.")


def test_a_board_older_than_the_one_shown_is_not_shown(
    open_page: OpenPage, running_system: SystemHarness
) -> None:
    page = open_page(running_system)
    connections = intercept_websockets(page)
    log_in(page, running_system.register())
    row = {"rank": 1, "userId": "x", "username": "x", "displayName": "Newest", "score": 7}
    newest = {"version": 2**52, "leaderboard": [row]}
    older = {"version": 2**52 - 1, "leaderboard": [row | {"displayName": "Older"}]}
    for board in (newest, older):
        connections[0].send(json.dumps({"event": "leaderboard_update", "data": board}))
    last = {"event": "error", "data": {"code": "LAST", "message": "all was read"}}
    with page.expect_console_message(lambda message: "LAST" in message.text):
        connections[0].send(json.dumps(last))
    expect(name_of(page.locator("#board-rows tr:not(.leaving)"))).to_have_text("Newest")


def test_a_token_is_renewed_on_the_open_connection(
    open_page: OpenPage, short_limits_system: SystemHarness
) -> None:
    page = open_page(short_limits_system)
    console_errors = console_errors_of(page)
    sockets: list[WebSocket] = []

    def record(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", record)
    log_in(page, short_limits_system.register())
    for _ in range(2):
        with sockets[0].expect_event("framesent", lambda frame: '"auth"' in frame):
            pass
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert len(sockets) == 1
    assert console_errors == []
