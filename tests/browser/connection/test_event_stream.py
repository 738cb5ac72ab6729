"""An EventSource of Chromium, on a page of another site that may read the stream."""

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
from tests.support.broadcaster.harness import running_broadcaster
from tests.support.servers import DatabaseServer, Stores, redis_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow

OPEN = """url => {
    window.boards = [];
    const stream = new EventSource(url);
    stream.addEventListener("leaderboard_update", event =>
        window.boards.push({id: event.lastEventId, data: JSON.parse(event.data)}));
}"""


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


def test_an_event_source_gets_each_board_and_its_version(
    browser: Browser, postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("site")
    with redis_server(tmp_path_factory.mktemp("valkey")) as server, other_site(folder) as origin:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(stores, folder, ALLOWED_ORIGINS=origin) as broadcaster:
            boards, person = Boards(broadcaster), broadcaster.register_player()
            board = boards.create()
            page = browser.new_page()
            page.goto(f"{origin}/")
            page.evaluate(OPEN, f"{broadcaster.url}/stream?board={board}")
            page.wait_for_function("window.boards.length > 0")
            boards.score(person, board, 5)
            page.wait_for_function("window.boards.at(-1).data.leaderboard.length > 0")
            received = page.evaluate("window.boards")
            page.close()
    assert received[0]["data"]["leaderboard"] == []
    assert [row["score"] for row in received[-1]["data"]["leaderboard"]] == [5]
    assert [each["id"] for each in received] == [str(each["data"]["version"]) for each in received]
