"""The Python client against broadcasters that do what a real one seldom does."""

from __future__ import annotations

import json

import pytest

from clients.python.live_scoreboard_client import Scoreboard, WatchEnded
from tests.clients.python.recorder import Recorder
from tests.clients.scripted_broadcaster import broadcaster, ranks_of_other_boards
from tests.support.system.harness import free_ports
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def board(version: int, *names: str) -> str:
    rows = [{"rank": 1, "displayName": name, "score": 1} for name in names]
    data = {"version": version, "updatedAt": "2026-11-24T00:00:00.000Z", "leaderboard": rows}
    return json.dumps({"event": "leaderboard_update", "data": data})


def disconnect(reconnect_ms: int | None) -> str:
    data = {"reason": "shutting_down", "reconnectInMs": reconnect_ms}
    return json.dumps({"event": "disconnect", "data": data})


def scoreboard_at(websocket_url: str) -> Scoreboard:
    """A client whose API does not answer, so that only the WebSocket brings boards."""
    (port,) = free_ports(1)
    return Scoreboard(f"http://127.0.0.1:{port}", token="t", websocket_url=websocket_url)


def test_the_rank_on_another_board_is_not_taken_for_that_on_the_watched_one() -> None:
    recorder = Recorder()
    with (
        broadcaster(ranks_of_other_boards(), awaits_command=True) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch("quiz", period="week", **recorder.handlers),
    ):
        recorder.await_rank(7)
    assert [rank["score"] for rank in recorder.ranks] == [7]


def test_an_older_board_never_follows_a_newer_one() -> None:
    recorder = Recorder()
    connections = ([board(5), board(7), board(6), disconnect(0)], [board(3), board(7), board(8)])
    with (
        broadcaster(*connections) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch(**recorder.anonymous_handlers) as watch,
    ):
        watch.wait_for_version(8)
    assert [board["version"] for board in recorder.boards] == [5, 7, 8]


def test_a_board_of_the_same_version_is_handed_over_if_its_rows_differ() -> None:
    recorder = Recorder()
    frames = [board(7, "Ada"), board(7, "Ada"), board(7, "Ada L."), board(8)]
    with (
        broadcaster(frames) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch(**recorder.anonymous_handlers) as watch,
    ):
        watch.wait_for_version(8)
    seen = [[row["displayName"] for row in board["leaderboard"]] for board in recorder.boards]
    assert seen == [["Ada"], ["Ada L."], []]


def test_the_delay_that_the_server_gave_is_used() -> None:
    recorder = Recorder()
    with (
        broadcaster([board(1), disconnect(120)], [board(2)]) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch(**recorder.anonymous_handlers) as watch,
    ):
        watch.wait_for_version(2)
    waiting = next(state for state in recorder.states if state.kind == "waiting")
    assert (waiting.cause, waiting.retry_seconds) == ("shutting_down", 0.12)


def test_without_a_delay_from_the_server_the_delays_grow_to_four_seconds_with_jitter() -> None:
    recorder = Recorder()
    (port,) = free_ports(1)
    with (
        scoreboard_at(f"ws://127.0.0.1:{port}/ws") as scoreboard,
        scoreboard.watch(**recorder.anonymous_handlers),
    ):
        await_true(lambda: len(delays(recorder)) >= 4, 20)
    for delay, most in zip(delays(recorder), (1, 2, 4, 4), strict=False):
        assert most / 2 <= delay <= most


def delays(recorder: Recorder) -> list[float]:
    """The delays between attempts to connect."""
    return [state.retry_seconds for state in recorder.states if state.kind == "waiting"]


def test_a_disconnect_without_a_delay_ends_the_watch() -> None:
    with (
        broadcaster([board(1), disconnect(None)]) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch() as watch,
        pytest.raises(WatchEnded, match="closed the connection for good: shutting_down"),
    ):
        watch.wait_until_ended()


@pytest.mark.parametrize("code", ["AUTH_INVALID", "USER_BANNED"])
def test_a_refused_token_is_not_sent_again(code: str) -> None:
    with (
        broadcaster(refusal={"code": code, "message": "go away"}) as url,
        scoreboard_at(url) as scoreboard,
        scoreboard.watch() as watch,
        pytest.raises(WatchEnded, match="refused the connection: go away"),
    ):
        watch.wait_until_ended()
