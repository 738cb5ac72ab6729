"""The live page when answers are lost, limits are reached and connections end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.visitor import complaints_of, expect, log_in, score_a_point, send_login
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.player import PASSWORD
from tests.system.running import RunningSystem

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route, WebSocket, WebSocketRoute

TOKEN_ENDED = 4401
BANNED = 4403
RECONNECTING = re.compile(r"^reconnecting in \d+ s$")
INCREMENT = "**/api/scores/increment"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system_with_short_tokens(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    variables = {"ACCESS_TOKEN_SECONDS": "2"}
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("system")
        with RunningSystem(stores, logs, variables=variables) as system:
            yield system


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


def test_at_the_limit_the_button_counts_down_and_comes_back(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    log_in(page, running_system.register())
    refusal = {"error": "Too many requests", "code": "RATE_LIMITED", "message": "Limit reached"}
    page.route(
        INCREMENT,
        lambda route: route.fulfill(status=429, headers={"Retry-After": "3"}, json=refusal),
        times=1,
    )
    button = page.locator("#score")
    button.click()
    expect(button).to_have_text(re.compile("^Try again in [123] s$"))
    expect(button).to_be_disabled()
    expect(page.locator("#own-score")).to_have_text("0")
    expect(button).to_be_enabled()
    score_a_point(page)
    expect(page.locator("#own-score")).to_have_text("1")


def test_a_connection_closed_for_its_token_comes_back_with_a_new_one(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    with page.expect_response("**/api/auth/refresh") as renewal:
        connections[0].close(code=TOKEN_ENDED)
    assert renewal.value.ok
    expect(page.locator("#connection")).to_have_text("live")
    assert len(connections) == 2


def test_a_lost_connection_is_made_again(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    connections[0].close(code=1011)
    expect(page.locator("#connection")).to_have_text(RECONNECTING)
    expect(page.locator("#connection")).to_have_text("live", timeout=10_000)


def test_who_is_banned_is_told_so_and_not_connected_again(
    open_page: OpenPage, running_system: RunningSystem
) -> None:
    page = open_page(running_system)
    connections = interceptable(page)
    log_in(page, running_system.register())
    connections[0].close(code=BANNED)
    expect(page.locator("#notice")).to_have_text("This account is banned.")
    expect(page.locator("#connection")).to_have_text(re.compile("^not logged in"))
    assert len(connections) == 1


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
    expect(page.locator("#board-rows bdi")).to_have_text("Newest")


def test_a_token_is_renewed_on_the_connection_it_opened(
    open_page: OpenPage, system_with_short_tokens: RunningSystem
) -> None:
    page = open_page(system_with_short_tokens)
    complaints = complaints_of(page)
    sockets: list[WebSocket] = []

    def note(socket: WebSocket) -> None:
        sockets.append(socket)

    page.on("websocket", note)
    log_in(page, system_with_short_tokens.register())
    for _ in range(2):
        with sockets[0].expect_event("framesent", lambda frame: '"auth"' in frame):
            pass
    expect(page.locator("#connection")).to_have_text("live")
    assert len(sockets) == 1
    assert complaints == []


def interceptable(page: Page) -> list[WebSocketRoute]:
    """The page's WebSockets from the next on, passed through to the broadcaster."""
    connections: list[WebSocketRoute] = []

    def pass_through(connection: WebSocketRoute) -> None:
        connection.connect_to_server()
        connections.append(connection)

    page.route_web_socket("**/ws", pass_through)
    page.reload()
    return connections
