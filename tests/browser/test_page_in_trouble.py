"""The live page when answers are lost, connections end and servers go."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage, own_system
from tests.browser.visitor import (
    LIVE,
    NOT_LIVE,
    complaints_of,
    expect,
    interceptable,
    log_in,
    name_of,
    score_a_point,
    score_on_board,
    send_login,
)
from tests.servers import DatabaseServer
from tests.system.player import PASSWORD
from tests.system.running import RunningSystem
from tools.processes import end

if TYPE_CHECKING:
    from playwright.sync_api import Route, WebSocket

TOKEN_ENDED = 4401
SHUTTING_DOWN = 1001
RECONNECTING = re.compile(r"^reconnecting in \d+ s$")
INCREMENT = "**/api/scores/increment"

pytestmark = pytest.mark.slow


@pytest.fixture
def mortal_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """One whose processes the test ends."""
    yield from own_system(postgres, tmp_path_factory, {})


def test_a_point_whose_answer_was_lost_counts_once(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    log_in(page, player)
    tokens: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        tokens.append(route.request.post_data or "")
        if len(tokens) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(INCREMENT, lose_the_first_answer)
    score_a_point(page)
    assert len(tokens) == 2
    assert len(set(tokens)) == 1
    expect(page.locator("#own-score")).to_have_text("1")
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_a_connection_closed_for_its_token_comes_back_with_a_new_one(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    with page.expect_response("**/api/auth/refresh") as renewal:
        connections[0].close(code=TOKEN_ENDED)
    assert renewal.value.ok
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert len(connections) == 2


def test_a_lost_connection_is_made_again(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    connections[0].close(code=1011)
    expect(page.locator("#connection")).to_have_text(RECONNECTING)
    expect(page.locator("#connection")).to_have_text(LIVE)


def test_who_is_sent_away_comes_back_after_the_delay_that_the_server_gave(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    farewell = {"reason": "shutting_down", "reconnectInMs": 2_500}
    connections[0].send(json.dumps({"event": "disconnect", "data": farewell}))
    left = time.monotonic()
    connections[0].close(code=SHUTTING_DOWN)
    expect(page.locator("#connection")).to_have_text("reconnecting in 3 s")
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert time.monotonic() - left >= 2.5
    assert len(connections) == 2


def test_who_shall_not_come_back_is_told_why_and_still_sees_the_board_change(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, player)
    farewell = {"reason": "nonsense", "reconnectInMs": None}
    connections[0].send(json.dumps({"event": "disconnect", "data": farewell}))
    connections[0].close(code=1008)
    expect(page.locator("#notice")).to_have_text("The live connection ended: nonsense")
    expect(page.locator("#connection")).to_have_text(NOT_LIVE)
    assert len(connections) == 1


def test_a_server_that_goes_and_events_of_later_versions_disturb_nobody(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    complaints = complaints_of(page)
    connections = interceptable(page)
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
    assert complaints == []


def test_servers_that_start_anew_are_found_again_and_the_board_is_theirs(
    open_page: OpenPage, mortal_system: RunningSystem
) -> None:
    player, watched = mortal_system.register(), mortal_system.register()
    page = open_page(mortal_system)
    log_in(page, player)
    going = mortal_system.broadcasters[0], mortal_system.web[0]
    for process in going:
        process.send_signal(signal.SIGTERM)
    expect(page.locator("#connection")).to_have_text(RECONNECTING)
    for process in going:
        end(process, (signal.SIGTERM, 10))
    mortal_system.start_web(mortal_system.ports[0])
    mortal_system.start_broadcaster(mortal_system.broadcaster_port)
    mortal_system.wait_until_ready()
    watched.score_point()
    expect(page.locator("#connection")).to_have_text(LIVE, timeout=40_000)
    expect(score_on_board(page, watched)).to_have_text("1")
    score_a_point(page)


def test_who_was_logged_out_while_the_broadcaster_is_away_is_told_so(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    player = running_system.register()
    page = open_page(running_system)
    page.route_web_socket("**/ws", lambda connection: connection.close(code=1011))
    page.reload()
    send_login(page, player)
    expect(page.locator("#connection")).to_have_text(RECONNECTING)
    change = {"oldPassword": PASSWORD, "newPassword": f"{PASSWORD}!"}
    assert player.call("POST", "/auth/password", json=change).status_code == 204
    expect(page.locator("#notice")).to_have_text("Your session has ended. Please log in again.")


def test_a_board_older_than_the_one_shown_is_not_shown(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
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


def test_a_token_is_renewed_on_the_connection_it_opened(
    open_page: OpenPage, hasty_system: RunningSystem
) -> None:
    page = open_page(hasty_system)
    complaints = complaints_of(page)
    sockets: list[WebSocket] = []

    def note(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", note)
    log_in(page, hasty_system.register())
    for _ in range(2):
        with sockets[0].expect_event("framesent", lambda frame: '"auth"' in frame):
            pass
    expect(page.locator("#connection")).to_have_text(LIVE)
    assert len(sockets) == 1
    assert complaints == []
