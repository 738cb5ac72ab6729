"""Clients that connect to a broadcaster and send no request keep no viewer out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest

from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player
from tests.support.system.raw_clients import is_closed, opened
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

DESCRIPTORS = 230
"""Of each process: with it, the broadcaster holds at most 30 viewers and 100 other connections."""
CLIENTS, AT_ONCE = 400, 40
SERVED_SECONDS = 1.0
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
SENT = {
    "nothing": b"",
    "half a request": LIVE,
    "a request, and then nothing": LIVE + b"\r\n",
}


@pytest.fixture(scope="module")
def small_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Processes that may open only DESCRIPTORS files."""
    with (
        redis_server(tmp_path_factory.mktemp("valkey")) as server,
        SystemHarness(
            Stores(postgres.create(), server.url),
            tmp_path_factory.mktemp("logs"),
            wrapper=["prlimit", f"--nofile={DESCRIPTORS}"],
            variables={"NEW_VIEWERS_PER_SECOND": "1000"},
        ) as system,
    ):
        yield system


def watch(system: SystemHarness, player: Player) -> ViewerClient:
    """A viewer that has its first board within the promised time."""
    begun = time.monotonic()
    viewer = ViewerClient(system.websocket_url, player.access_token)
    assert time.monotonic() - begun < SERVED_SECONDS
    return viewer


@pytest.mark.parametrize("what", SENT)
def test_a_new_viewer_is_served_within_a_second_whatever_others_leave_open(
    small_system: SystemHarness, what: str
) -> None:
    player = small_system.register()
    with (
        watch(small_system, player) as early,
        opened(small_system.websocket_url, [SENT[what]] * CLIENTS),
    ):
        for _ in range(5):
            version = player.score_point()["boardVersion"]
            begun = time.monotonic()
            with watch(small_system, player) as viewer:
                viewer.await_board(version, SERVED_SECONDS)
            assert time.monotonic() - begun < 2 * SERVED_SECONDS
            early.await_board(version, SERVED_SECONDS)
    assert '"uncaught"' not in small_system.log("broadcaster")


def test_of_waiting_connections_the_longest_waiting_are_closed_first(
    small_system: SystemHarness,
) -> None:
    with opened(small_system.websocket_url, [b""] * CLIENTS) as sockets:
        await_true(lambda: all(is_closed(oldest) for oldest in sockets[:200]), 5)
        assert not any(is_closed(newest) for newest in sockets[-20:])


def test_a_connection_that_sends_requests_stays_open_while_others_wait(
    small_system: SystemHarness,
) -> None:
    with ExitStack() as stack:
        port = small_system.broadcaster_port
        busy = stack.enter_context(closing(HTTPConnection("127.0.0.1", port, timeout=5)))
        for _ in range(CLIENTS // AT_ONCE):
            busy.request("GET", "/health/live")
            assert busy.getresponse().read().startswith(b'{"status":"alive"')
            stack.enter_context(opened(small_system.websocket_url, [b""] * AT_ONCE))
