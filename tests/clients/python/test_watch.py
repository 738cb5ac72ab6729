"""Watching with the Python client, also where the network does not let it."""

from __future__ import annotations

import gc
import time
import weakref
from typing import cast

import pytest

from clients.python.live_scoreboard_client import (
    AsyncScoreboard,
    AsyncWatch,
    Board,
    NoReply,
    Period,
    Scoreboard,
    WatchEnded,
)
from tests.clients.conftest import TOKEN_SECONDS
from tests.clients.python.recorder import Recorder
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD
from tests.support.system.relay import Relay
from tests.support.waiting import run_coroutine

pytestmark = pytest.mark.slow

FALLBACK_SECONDS = 5.0
RETURN_SECONDS = 15.0
"""For a busy machine, and an attempt after at most 4 s."""


def address(relay: Relay, scheme: str = "http", path: str = "") -> str:
    return f"{scheme}://127.0.0.1:{relay.port}{path}"


def test_a_viewer_with_a_login_sees_a_point_and_the_own_rank_over_the_websocket(
    running_system: SystemHarness,
) -> None:
    player, recorder = running_system.register(), Recorder()
    with Scoreboard(running_system.url) as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        with scoreboard.watch(**recorder.handlers) as watch:
            recorder.await_state("live", "websocket", 10)
            outcome = scoreboard.score()
            assert outcome["boardVersion"] is not None
            board = watch.wait_for_version(outcome["boardVersion"], 5)
            assert board["version"] >= outcome["boardVersion"]
            assert watch.board is not None
            # The watch may have received another frame since wait_for_version() returned.
            assert watch.board["version"] >= board["version"]
            recorder.await_rank(1)
    versions = [board["version"] for board in recorder.boards]
    assert versions == sorted(versions)


def test_a_viewer_without_a_login_sees_a_point_with_asyncio(
    running_system: SystemHarness,
) -> None:
    player = running_system.register()

    async def watch() -> None:
        async with AsyncScoreboard(running_system.url) as scoreboard:
            watch = scoreboard.watch()
            version = player.take_the_lead()["boardVersion"]
            board = await watch.wait_for_version(version, 10)
            assert player.user_id in {row["userId"] for row in board["leaderboard"]}

    run_coroutine(watch())


def test_the_version_of_a_point_outside_the_top_ten_is_reached_too(
    short_tokens_system: SystemHarness,
) -> None:
    for _ in range(10):
        above = short_tokens_system.register()
        for _ in range(2):
            above.score_point()
    player = short_tokens_system.register()
    with Scoreboard(short_tokens_system.url) as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        with scoreboard.watch() as watch:
            version = scoreboard.score()["boardVersion"]
            assert version is not None
            board = watch.wait_for_version(version)
    assert player.user_id not in {row["userId"] for row in board["leaderboard"]}


def test_a_version_that_never_comes_is_a_timeout(running_system: SystemHarness) -> None:
    with (
        Scoreboard(running_system.url) as scoreboard,
        scoreboard.watch() as watch,
        pytest.raises(TimeoutError),
    ):
        watch.wait_for_version(int(time.time() * 1000) + 3_600_000, 1.5)


def test_where_upgrades_are_refused_it_falls_back_within_five_seconds(
    running_system: SystemHarness, broadcaster_relay: Relay
) -> None:
    player, recorder = running_system.register(), Recorder()
    broadcaster_relay.refuse_upgrades = True
    with Scoreboard(
        running_system.url, websocket_url=address(broadcaster_relay, "ws", "/ws")
    ) as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        with scoreboard.watch(**recorder.handlers) as watch:
            recorder.await_state("live", "stream", FALLBACK_SECONDS)
            version = scoreboard.score()["boardVersion"]
            assert version is not None
            watch.wait_for_version(version, 5)


def test_where_streams_are_refused_too_it_polls_and_is_live_once_they_are_not(
    running_system: SystemHarness, broadcaster_relay: Relay
) -> None:
    recorder = Recorder()
    broadcaster_relay.refuse_streams = True
    with (
        Scoreboard(
            running_system.url, websocket_url=address(broadcaster_relay, "ws", "/ws")
        ) as scoreboard,
        scoreboard.watch(**recorder.handlers) as watch,
    ):
        recorder.await_state("polling", "polling", FALLBACK_SECONDS)
        version = running_system.register().take_the_lead()["boardVersion"]
        watch.wait_for_version(version, 5)
        broadcaster_relay.refuse_streams = False
        recorder.await_state("live", "stream", RETURN_SECONDS)


def test_it_is_live_again_at_once_when_the_server_is_back(
    running_system: SystemHarness, api_relay: Relay, broadcaster_relay: Relay
) -> None:
    player, recorder = running_system.register(), Recorder()
    with Scoreboard(
        address(api_relay), websocket_url=address(broadcaster_relay, "ws", "/ws")
    ) as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        with scoreboard.watch(**recorder.handlers):
            recorder.await_state("live", "websocket", 10)
            for relay in (api_relay, broadcaster_relay):
                relay.down()
            recorder.await_state("waiting", "", 10)
            # Long enough that a growing delay would have grown.
            time.sleep(5)
            for relay in (api_relay, broadcaster_relay):
                relay.up()
            recorder.await_state("live", "websocket", FALLBACK_SECONDS)


def test_it_renews_its_token_on_the_open_connection(short_tokens_system: SystemHarness) -> None:
    player = short_tokens_system.register()
    events: list[str] = []
    with Scoreboard(short_tokens_system.url) as scoreboard:
        scoreboard.login(player.username, PASSWORD)
        with scoreboard.watch(on_event=lambda event: events.append(event["event"])):
            deadline = time.monotonic() + 3 * TOKEN_SECONDS + 10
            while events.count("connected") < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
    assert events.count("connected") >= 3
    assert "disconnect" not in events


def test_a_viewer_whose_session_ends_stops(running_system: SystemHarness) -> None:
    player, recorder = running_system.register(), Recorder()
    with (
        Scoreboard(running_system.url, token=player.access_token) as scoreboard,
        scoreboard.watch(**recorder.handlers) as watch,
    ):
        recorder.await_state("live", "websocket", 10)
        assert player.call("POST", "/auth/logout").ok
        with pytest.raises(WatchEnded, match="session_revoked"):
            watch.wait_until_ended()
    assert recorder.states[-1].kind == "ended"


@pytest.mark.parametrize(("board", "period"), [("no-such-board", None), ("main", "week")])
def test_an_unknown_board_or_period_ends_the_watch(
    board: str, period: Period | None, running_system: SystemHarness
) -> None:
    with (
        Scoreboard(running_system.url) as scoreboard,
        scoreboard.watch(board, period=period) as watch,
        pytest.raises(WatchEnded),
    ):
        watch.wait_for_version(1)


@pytest.mark.parametrize("logged_in", [True, False])
@pytest.mark.parametrize(
    "error", [KeyError("a mistake"), OSError("a mistake"), NoReply("a mistake"), SystemExit(3)]
)
def test_what_a_handler_raises_ends_the_watch(
    error: BaseException, running_system: SystemHarness, *, logged_in: bool
) -> None:
    def fail(_board: Board) -> None:
        raise error

    token = running_system.register().access_token if logged_in else None
    with (
        Scoreboard(running_system.url, token=token) as scoreboard,
        scoreboard.watch(on_board=fail) as watch,
        pytest.raises(type(error)) as raised,
    ):
        watch.wait_until_ended()
    assert raised.value is error


def test_a_scoreboard_keeps_no_watch_that_has_ended(running_system: SystemHarness) -> None:
    async def watch() -> bool:
        async with AsyncScoreboard(running_system.url) as scoreboard:
            ended = weakref.ref(scoreboard.watch())
            await cast(AsyncWatch, ended()).close()
            gc.collect()
            return ended() is None

    assert run_coroutine(watch())
