"""Many viewers at once, and viewers that misbehave, all by the websockets library."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import State

from tests.support.broadcaster.harness import (
    BroadcasterHarness,
    events_until_close,
    running_broadcaster,
)
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.viewer import ViewerClient
from tests.support.waiting import run_coroutine

pytestmark = pytest.mark.slow

VIEWERS = 1_000
HANDSHAKE_SECONDS = 60


@pytest.fixture
def stores_and_logs(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stores, Path]]:
    """Stores for several broadcasters, and a folder for their logs."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield Stores(postgres.create(), server.url), tmp_path_factory.mktemp("logs")


def test_a_thousand_viewers_that_reconnect_at_once_all_get_the_current_board(
    stores_and_logs: tuple[Stores, Path],
) -> None:
    stores, logs = stores_and_logs
    with running_broadcaster(stores, logs) as first:
        players = [first.register_player() for _ in range(10)]
        shown = players[0].score(3).board_version
        assert shown is not None
        tokens = [first.access_token(players[number % 10]) for number in range(VIEWERS)]
        run_coroutine(kill_broadcaster(first, tokens, shown))
    with running_broadcaster(stores, logs) as second:
        person = second.register_player()
        with ViewerClient(second.websocket_url, second.access_token(person)) as present:
            versions = run_coroutine(reconnect(second.port, tokens, players[0]))
            assert min(versions) >= shown
            # A connected viewer gets boards in the meantime.
            present.await_board(max(versions), seconds=5)
        assert "request_failed" not in second.log()


async def kill_broadcaster(
    broadcaster: BroadcasterHarness, tokens: list[str], version: int
) -> None:
    """Viewers with these tokens get the board, and then their broadcaster is killed."""
    async with AsyncExitStack() as stack:
        viewers = await asyncio.gather(
            *(connect_with_retries(stack, broadcaster.port, token) for token in tokens)
        )
        assert min(await asyncio.gather(*map(first_board, viewers))) >= version
        broadcaster.process.kill()
        await asyncio.gather(*(viewer.wait_closed() for viewer in viewers))


async def reconnect(port: int, tokens: list[str], player: Person) -> list[int]:
    """All connect at once while a player scores; the version that each sees at the end."""
    async with AsyncExitStack() as stack:
        connecting = asyncio.gather(*(connect_with_retries(stack, port, token) for token in tokens))
        while not connecting.done():
            await asyncio.to_thread(player.score)
        viewers = await connecting
        await asyncio.gather(*map(first_board, viewers))
        outcome = await asyncio.to_thread(player.score)
        assert outcome.board_version is not None
        return await asyncio.gather(
            *(board_from(viewer, outcome.board_version) for viewer in viewers)
        )


async def connect_with_retries(stack: AsyncExitStack, port: int, token: str) -> ClientConnection:
    """Connect, and retry after the pause that a busy broadcaster asks for."""
    while True:
        try:
            return await stack.enter_async_context(open_connection(port, token))
        except InvalidStatus as refused:
            assert refused.response.status_code == 503
            await asyncio.sleep(int(refused.response.headers["Retry-After"]))


def open_connection(port: int, token: str) -> connect:
    headers = {"Authorization": f"Bearer {token}"}
    return connect(
        f"ws://127.0.0.1:{port}/ws",
        additional_headers=headers,
        compression=None,
        # Boards may come for longer than the handshakes of all viewers take.
        max_queue=None,
        open_timeout=HANDSHAKE_SECONDS,
        close_timeout=1,
        ping_interval=None,
    )


async def first_board(viewer: ClientConnection) -> int:
    return await board_from(viewer, 0)


async def board_from(viewer: ClientConnection, version: int) -> int:
    """The version of the first board that is not older than `version`."""
    async for message in viewer:
        event = json.loads(message)
        if event["event"] == "leaderboard_update" and event["data"]["version"] >= version:
            return int(event["data"]["version"])
    raise AssertionError(f"closed before the board of version {version}")


def test_a_client_that_stops_reading_is_closed_and_does_not_delay_others(
    stores_and_logs: tuple[Stores, Path],
) -> None:
    stores, logs = stores_and_logs
    with running_broadcaster(stores, logs, BROADCAST_INTERVAL_MS="10") as broadcaster:
        players = [Person.register(broadcaster.services, "名" * 100) for _ in range(10)]
        for person in players:
            person.score()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", broadcaster.port))
        # The library queues one message; then it stops reading its socket.
        with (
            broadcaster.connect_viewer(
                sock=sock, max_queue=1, ping_interval=None, close_timeout=1, compression=None
            ) as stopped,
            ViewerClient(
                broadcaster.websocket_url, broadcaster.access_token(players[0])
            ) as reading,
        ):
            for turn in range(60):
                version = players[turn % 10].score().board_version
                assert version is not None
                reading.await_board(version, seconds=1)
            broadcaster.await_log(r'"code": 4408', 20)
            events, code = events_until_close(stopped, 5)
    assert code == 4408
    assert events[-1]["data"]["reason"] == "too_slow"
    versions = [each["data"]["version"] for each in events if "leaderboard" in each["event"]]
    assert versions == sorted(set(versions))


def test_a_client_that_sends_garbage_is_closed_and_does_not_affect_others(
    broadcaster: BroadcasterHarness,
) -> None:
    with broadcaster.connect_viewer() as good, broadcaster.connect_viewer() as bad:
        for viewer in (good, bad):
            while json.loads(viewer.recv(5))["event"] != "leaderboard_update":
                pass
        bad.send("{nonsense")
        assert json.loads(bad.recv(5))["data"]["code"] == "MESSAGE_INVALID"
        bad.socket.sendall(bytes(range(256)) * 16)
        # The library fails if the close frame is not valid.
        events, code = events_until_close(bad, 5)
        assert code in {1002, 1007, 1008, 1009}
        assert events[-1]["event"] == "disconnect"
        good.send('{"type": "ping"}')
        assert json.loads(good.recv(5)) == {"event": "pong"}
        assert good.protocol.state is State.OPEN


def test_with_many_viewers_boards_are_sent_less_often_and_the_newest_still_arrives(
    stores_and_logs: tuple[Stores, Path],
) -> None:
    stores, logs = stores_and_logs
    with running_broadcaster(stores, logs, BROADCAST_INTERVAL_MS="1") as broadcaster:
        player = broadcaster.register_player()
        player.score()
        run_coroutine(score_with_many_viewers(broadcaster, player, 300))


async def score_with_many_viewers(
    broadcaster: BroadcasterHarness, player: Person, number: int
) -> None:
    """Score as fast as possible with more viewers than an interval of 1 ms can serve."""
    token = broadcaster.access_token(player)
    async with AsyncExitStack() as stack:
        viewers = await asyncio.gather(
            *(connect_with_retries(stack, broadcaster.port, token) for _ in range(number))
        )
        for _ in range(30):
            outcome = await asyncio.to_thread(player.score)
        assert outcome.board_version is not None
        seen = await asyncio.gather(*(board_from(each, outcome.board_version) for each in viewers))
        assert set(seen) == {outcome.board_version}
    assert broadcaster.metric("scoreboard_broadcast_interval_seconds") > 0.0015
