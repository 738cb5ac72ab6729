"""Event streams: boards without an account, by the rules and within the limits of all viewers."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.event_stream import EventStreamClient
from tests.support.broadcaster.frames import handshake_request
from tests.support.broadcaster.harness import ORIGIN, BroadcasterHarness, running_broadcaster
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

STREAM_REQUEST = b"GET /stream HTTP/1.1\r\nHost: a.example\r\n\r\n"
RESETS = 60


@contextmanager
def stream(
    broadcaster: BroadcasterHarness, query: str = "", **headers: str
) -> Iterator[EventStreamClient]:
    with closing(EventStreamClient(broadcaster.url, query, **headers)) as client:
        assert client.reply.status_code == 200, client.reply.text
        yield client


@pytest.fixture(scope="module")
def strict(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with at most two viewers for each address, and a heartbeat of 5 s."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        settings = {"MAX_VIEWERS_PER_ADDRESS": "2", "HEARTBEAT_SECONDS": "5"}
        logs = tmp_path_factory.mktemp("broadcaster")
        with running_broadcaster(stores, logs, **settings) as broadcaster:
            yield broadcaster


def test_a_stream_has_the_present_board_and_then_each_change(
    broadcaster: BroadcasterHarness,
) -> None:
    with closing(Boards(broadcaster)) as boards, stream(broadcaster) as main:
        assert main.reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert main.reply.headers["Cache-Control"] == "no-store, no-transform"
        assert "Content-Length" not in main.reply.headers
        first = main.next()
        assert first.id == str(first.data["version"])
        assert "board" not in first.data
        board, person = boards.create(), broadcaster.register_player()
        with stream(broadcaster, f"board={board}") as other:
            viewer = boards.watch(f"board={board}")
            assert other.next().data["leaderboard"] == []
            boards.score(person, board, 12)
            shown = other.next().data
            assert shown == viewer.await_scores(12)
            assert (shown["board"], shown["period"]) == (board, "all")


def test_a_client_that_knows_the_present_version_gets_no_board_until_the_next_change(
    broadcaster: BroadcasterHarness,
) -> None:
    with closing(Boards(broadcaster)) as boards:
        board, person = boards.create(), broadcaster.register_player()
        with stream(broadcaster, f"board={board}") as before:
            version = before.next().id
        assert version is not None
        with (
            stream(broadcaster, f"board={board}", **{"Last-Event-ID": version}) as current,
            stream(broadcaster, f"board={board}", **{"Last-Event-ID": "1"}) as late,
            stream(broadcaster, f"board={board}", **{"Last-Event-ID": "x"}) as odd,
        ):
            assert late.next().id == odd.next().id == version
            boards.score(person, board, 3)
            assert [row["score"] for row in current.next().data["leaderboard"]] == [3]


def test_curl_reads_a_stream(broadcaster: BroadcasterHarness) -> None:
    command = ["curl", "-sSN", "--max-time", "30", f"{broadcaster.url}/stream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as curl:
        assert curl.stdout is not None
        number, name, data = (curl.stdout.readline() for _ in range(3))
        curl.kill()
    assert number.startswith("id: ")
    assert name == "event: leaderboard_update\n"
    assert data.startswith('data: {"version":')


@pytest.mark.parametrize("query", ["board=no-such-board", "period=day"])
def test_an_unknown_board_is_answered_404(broadcaster: BroadcasterHarness, query: str) -> None:
    reply = requests.get(f"{broadcaster.url}/stream?{query}", timeout=5)
    assert (reply.status_code, reply.json()["code"]) == (404, "NOT_FOUND")


def test_a_head_request_gets_the_headers_only(broadcaster: BroadcasterHarness) -> None:
    reply = requests.head(f"{broadcaster.url}/stream", timeout=5)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/event-stream")
    assert requests.post(f"{broadcaster.url}/stream", timeout=5).status_code == 405


def test_pages_of_allowed_origins_may_read_a_stream(broadcaster: BroadcasterHarness) -> None:
    with stream(broadcaster, Origin=ORIGIN) as allowed:
        assert allowed.reply.headers["Access-Control-Allow-Origin"] == ORIGIN
    with stream(broadcaster, Origin="https://other.example") as other:
        assert "Access-Control-Allow-Origin" not in other.reply.headers
        assert other.reply.headers["Vary"] == "Origin"


def test_an_address_has_as_many_streams_as_viewers_and_comments_keep_them_alive(
    strict: BroadcasterHarness,
) -> None:
    with stream(strict) as first:
        with stream(strict):
            refused = requests.get(f"{strict.url}/stream", timeout=5)
            assert (refused.status_code, refused.json()["code"]) == (503, "TOO_MANY_STREAMS")
            assert int(refused.headers["Retry-After"]) > 0
        await_true(lambda: requests.head(f"{strict.url}/stream", timeout=5).ok, 10)
        first.next("comment")
        first.next("comment")


@pytest.mark.parametrize("path", ["/stream", "/ws"])
def test_clients_that_reset_the_connection_leave_nothing_behind(
    strict: BroadcasterHarness, path: str
) -> None:
    token = strict.access_token(strict.register_player())
    request = STREAM_REQUEST if path == "/stream" else handshake_request(token)
    for number in range(RESETS):
        with socket.create_connection(("127.0.0.1", strict.port)) as client:
            # If there is a byte to read, the broadcaster learns of the reset only when it sends.
            client.sendall(request + b"x" * (number % 2))
            # Closing sends a reset, at some step of the handshake.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await_true(lambda: strict.metric("scoreboard_viewers") == 0, 5)
    with stream(strict), stream(strict):
        pass
    assert '"level": "error"' not in strict.log()


def test_a_client_that_sends_more_than_its_request_is_dropped(
    broadcaster: BroadcasterHarness,
) -> None:
    with socket.create_connection(("127.0.0.1", broadcaster.port), timeout=5) as sock:
        sock.sendall(STREAM_REQUEST)
        assert sock.recv(12) == b"HTTP/1.1 200"
        sock.sendall(b"GET /health HTTP/1.1\r\nHost: a.example\r\n\r\n")
        received = b""
        try:
            while data := sock.recv(65536):
                received += data
        except ConnectionResetError:
            pass
        assert b"HTTP/1.1" not in received


def test_a_stream_that_is_not_read_delays_no_others_and_is_closed(
    strict: BroadcasterHarness,
) -> None:
    players = [Person.register(strict.services, "名" * 100) for _ in range(10)]
    with socket.socket() as stalled, stream(strict) as reading:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", strict.port))
        stalled.sendall(STREAM_REQUEST)
        for turn in range(100):
            version = players[turn % 10].score().board_version
            assert version is not None
            started = time.monotonic()
            while int(reading.next().id or 0) < version:
                pass
            assert time.monotonic() - started < 1
        closed = 'scoreboard_viewers_closed_total{code="4408",reason="too_slow"}'
        await_true(lambda: strict.metric(closed) == 1, 15)


def test_streams_get_the_time_to_reconnect_before_a_shutdown(
    postgres: DatabaseServer, tmp_path: Path
) -> None:
    with redis_server(tmp_path) as server:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(stores, tmp_path) as broadcaster, stream(broadcaster) as client:
            client.next()
            broadcaster.process.send_signal(signal.SIGTERM)
            *_, last = client.events()
            assert (last.name, last.data["reason"]) == ("disconnect", "shutting_down")
            assert last.retry == str(last.data["reconnectInMs"])
            assert broadcaster.process.wait(30) == 0
