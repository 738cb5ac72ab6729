"""An EventSource and a WebSocket of Chromium, on a page of another site that may use them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow

OPEN = """url => {
    window.boards = [];
    const stream = new EventSource(url);
    stream.addEventListener("leaderboard_update", event =>
        window.boards.push({id: event.lastEventId, data: JSON.parse(event.data)}));
}"""
# Chromium compresses each message that it sends, once that is negotiated.
CONNECT = """([url, token, board]) => {
    window.received = [];
    window.socket = new WebSocket(url, ["bearer", token]);
    socket.onmessage = ({ data }) => window.received.push(JSON.parse(data));
    socket.onopen = () =>
        socket.send(JSON.stringify({ type: "watch", board, padding: "x".repeat(500) }));
}"""
NEGOTIATED = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"


@contextmanager
def other_site(folder: Path) -> Iterator[str]:
    """The origin of a site with an empty page.

    A real server on loopback, because Chromium lets no page of another network open an address of
    this machine.
    """
    (folder / "index.html").write_text("<title>Another site</title>")
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def other_page(
    browser: Browser, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Page, BroadcasterHarness]]:
    """A page of another site, and a broadcaster that its scripts may read."""
    folder = tmp_path_factory.mktemp("site")
    with redis_server(tmp_path_factory.mktemp("valkey")) as server, other_site(folder) as origin:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(stores, folder, ALLOWED_ORIGINS=origin) as broadcaster:
            page = browser.new_page()
            page.goto(f"{origin}/")
            yield page, broadcaster
            page.close()


def test_an_event_source_gets_each_board_and_its_version(
    other_page: tuple[Page, BroadcasterHarness],
) -> None:
    page, broadcaster = other_page
    boards, person = Boards(broadcaster), broadcaster.register_player()
    board = boards.create()
    page.evaluate(OPEN, f"{broadcaster.url}/stream?board={board}")
    page.wait_for_function("window.boards.length > 0")
    boards.score(person, board, 5)
    page.wait_for_function("window.boards.at(-1).data.leaderboard.length > 0")
    received = page.evaluate("window.boards")
    assert received[0]["data"]["leaderboard"] == []
    assert [row["score"] for row in received[-1]["data"]["leaderboard"]] == [5]
    assert [each["id"] for each in received] == [str(each["data"]["version"]) for each in received]


def test_a_websocket_of_chromium_gets_boards_and_sends_commands_compressed(
    other_page: tuple[Page, BroadcasterHarness],
) -> None:
    page, broadcaster = other_page
    boards, person = Boards(broadcaster), broadcaster.register_player()
    board = boards.create()
    boards.score(person, board, 7)
    token = broadcaster.access_token(person)
    page.evaluate(CONNECT, [broadcaster.websocket_url, token, board])
    page.wait_for_function("window.received.some(({ data }) => data?.board !== undefined)")
    boards.score(person, board, 3)
    page.wait_for_function("window.received.at(-1).data.leaderboard?.at(0)?.score === 10")
    assert page.evaluate("window.socket.extensions") == NEGOTIATED
    page.evaluate("window.socket.close()")
