"""Many viewers, and viewers that misbehave, all by the usual client library."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import State

from tests.app.people import Person
from tests.broadcaster.stage import Stage, broadcaster_on, last_events, metric
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow

MANY = 1_000
Result = TypeVar("Result")
HANDSHAKE_SECONDS = 60


@pytest.fixture
def crowded(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Stores, Path]]:
    """Stores, and where broadcasters over them may log."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        yield Stores(postgres.create(), server.url), tmp_path_factory.mktemp("logs")


def test_a_thousand_who_reconnect_at_once_all_get_in_and_see_the_present_board(
    crowded: tuple[Stores, Path],
) -> None:
    stores, logs = crowded
    with broadcaster_on(stores, logs) as first:
        people = [first.person() for _ in range(10)]
        shown = people[0].score(3).board_version
        assert shown is not None
        tokens = [first.access_token(people[number % 10]) for number in range(MANY)]
        at_once(lose(first, tokens, shown))
    with broadcaster_on(stores, logs) as second:
        person = second.person()
        with Watcher(second.websocket_url, second.access_token(person)) as present:
            come = at_once(come_back(second.port, tokens, people[0]))
            assert min(come) >= shown
            # Who is here already is served while they come.
            present.await_board(max(come), seconds=5)
        assert "request_failed" not in second.log()


def at_once(viewing: Coroutine[Any, Any, Result]) -> Result:
    """Run it in a thread: Playwright, once used, keeps a loop of its own running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, viewing).result()


async def lose(stage: Stage, tokens: list[str], version: int) -> None:
    """Viewers with these tokens who have the board, and whose broadcaster dies."""
    async with AsyncExitStack() as stack:
        viewers = await asyncio.gather(*(get_in(stack, stage.port, token) for token in tokens))
        assert min(await asyncio.gather(*map(first_board, viewers))) >= version
        stage.process.kill()
        await asyncio.gather(*(viewer.wait_closed() for viewer in viewers))


async def come_back(port: int, tokens: list[str], player: Person) -> list[int]:
    """All dial at once while somebody scores; the newest version that each has seen at the end."""
    async with AsyncExitStack() as stack:
        coming = asyncio.gather(*(get_in(stack, port, token) for token in tokens))
        while not coming.done():
            await asyncio.to_thread(player.score)
        viewers = await coming
        await asyncio.gather(*map(first_board, viewers))
        outcome = await asyncio.to_thread(player.score)
        assert outcome.board_version is not None
        return await asyncio.gather(
            *(board_from(viewer, outcome.board_version) for viewer in viewers)
        )


async def get_in(stack: AsyncExitStack, port: int, token: str) -> ClientConnection:
    """Dial, and dial again after the pause that a busy broadcaster asks for."""
    while True:
        try:
            return await stack.enter_async_context(dial(port, token))
        except InvalidStatus as refused:
            assert refused.response.status_code == 503
            await asyncio.sleep(int(refused.response.headers["Retry-After"]))


def dial(port: int, token: str) -> connect:
    headers = {"Authorization": f"Bearer {token}"}
    return connect(
        f"ws://127.0.0.1:{port}/ws",
        additional_headers=headers,
        compression=None,
        open_timeout=HANDSHAKE_SECONDS,
        close_timeout=1,
        ping_interval=None,
    )


async def first_board(viewer: ClientConnection) -> int:
    return await board_from(viewer, 0)


async def board_from(viewer: ClientConnection, version: int) -> int:
    """The version of the first board that is not older."""
    async for message in viewer:
        event = json.loads(message)
        if event["event"] == "leaderboard_update" and event["data"]["version"] >= version:
            return int(event["data"]["version"])
    raise AssertionError(f"closed before the board of version {version}")


def test_a_client_that_stops_reading_is_closed_and_delays_nobody(
    crowded: tuple[Stores, Path],
) -> None:
    stores, logs = crowded
    with broadcaster_on(stores, logs, BROADCAST_INTERVAL_MS="10") as stage:
        people = [Person.register(stage.services, "名" * 100) for _ in range(10)]
        for person in people:
            person.score()
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", stage.port))
        # One message may wait in the library; then it reads no more of its socket.
        with (
            stage.watch(sock=sock, max_queue=1, ping_interval=None, close_timeout=1) as stopped,
            Watcher(stage.websocket_url, stage.access_token(people[0])) as reading,
        ):
            for turn in range(60):
                version = people[turn % 10].score().board_version
                assert version is not None
                reading.await_board(version, seconds=1)
            stage.await_log(r'"code": 4408', 20)
            events, code = last_events(stopped, 5)
    assert code == 4408
    assert events[-1]["data"]["reason"] == "too_slow"
    versions = [each["data"]["version"] for each in events if "leaderboard" in each["event"]]
    assert versions == sorted(set(versions))


def test_a_client_that_sends_garbage_is_closed_and_harms_nobody(stage: Stage) -> None:
    with stage.watch() as good, stage.watch() as bad:
        for viewer in (good, bad):
            while json.loads(viewer.recv(5))["event"] != "leaderboard_update":
                pass
        bad.send("{nonsense")
        assert json.loads(bad.recv(5))["data"]["code"] == "MESSAGE_INVALID"
        bad.socket.sendall(bytes(range(256)) * 16)
        # What comes back is a close frame of good form, or the library would say otherwise.
        events, code = last_events(bad, 5)
        assert code in {1002, 1007, 1008, 1009}
        assert events[-1]["event"] == "disconnect"
        good.send('{"type": "ping"}')
        assert json.loads(good.recv(5)) == {"event": "pong"}
        assert good.protocol.state is State.OPEN


def test_boards_come_less_often_where_viewers_are_many_and_the_newest_comes(
    crowded: tuple[Stores, Path],
) -> None:
    stores, logs = crowded
    with broadcaster_on(stores, logs, BROADCAST_INTERVAL_MS="1") as stage:
        player = stage.person()
        player.score()
        at_once(score_before_many(stage, player, 300))


async def score_before_many(stage: Stage, player: Person, number: int) -> None:
    """Points as fast as can be before more viewers than an interval of 1 ms bears."""
    token = stage.access_token(player)
    async with AsyncExitStack() as stack:
        viewers = await asyncio.gather(*(get_in(stack, stage.port, token) for _ in range(number)))
        for _ in range(30):
            outcome = await asyncio.to_thread(player.score)
        assert outcome.board_version is not None
        seen = await asyncio.gather(*(board_from(each, outcome.board_version) for each in viewers))
        assert set(seen) == {outcome.board_version}
    assert metric(stage, "scoreboard_broadcast_interval_seconds") > 0.0015
