"""The boards that viewers get: soon, in order, not too many, and always the newest."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from tests.support.broadcaster.frames import RawViewer, json_frame, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.viewer import ViewerClient

pytestmark = pytest.mark.slow

INTERVAL_SECONDS = 0.1


@pytest.fixture
def fresh_broadcaster(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with an empty board and long names to received."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("broadcaster")
        with running_broadcaster(stores, logs, BROADCAST_INTERVAL_MS="20") as broadcaster:
            yield broadcaster


def watch(broadcaster: BroadcasterHarness) -> ViewerClient:
    return ViewerClient(
        broadcaster.websocket_url, broadcaster.access_token(broadcaster.register_player())
    )


def take_the_lead(person: Person) -> int:
    """Score until the person leads; the version of the board that shows it."""
    while True:
        outcome = person.score()
        assert outcome.board_version is not None
        if outcome.rank == 1:
            return outcome.board_version


def test_a_point_scored_through_the_api_is_shown_within_a_second(
    running_system: SystemHarness,
) -> None:
    player = running_system.register("Åsa")
    with ViewerClient(running_system.websocket_url, player.access_token) as watcher:
        outcome = player.take_the_lead()
        board = watcher.await_board(outcome["boardVersion"], seconds=1)
    (row,) = [row for row in board["leaderboard"] if row["userId"] == player.user_id]
    assert row == {
        "rank": 1,
        "userId": player.user_id,
        "username": player.username,
        "displayName": "Åsa",
        "score": outcome["newScore"],
    }


def test_a_burst_of_changes_sends_at_most_ten_boards_a_second_and_the_newest_last(
    broadcaster: BroadcasterHarness,
) -> None:
    leader = broadcaster.register_player()
    take_the_lead(leader)
    with (
        watch(broadcaster) as watcher,
        raw_viewer(
            broadcaster.port, broadcaster.access_token(broadcaster.register_player())
        ) as timed,
    ):
        timed.next_event("leaderboard_update")
        started, seen = time.monotonic(), len(watcher.boards)
        while time.monotonic() - started < 1.2 or len(watcher.boards) < seen + 6:
            outcome = leader.score()
        assert outcome.board_version is not None
        received: list[tuple[float, int]] = []
        while not received or received[-1][1] < outcome.board_version:
            version = timed.next_event("leaderboard_update")["data"]["version"]
            received.append((time.monotonic(), version))
        board = watcher.await_board(outcome.board_version, seconds=1)
    assert board["leaderboard"][0]["score"] == outcome.score
    seconds = received[-1][0] - started
    # The timed viewer may read late, but it received each board that was sent.
    assert 5 <= len(received) <= seconds / INTERVAL_SECONDS + 2
    versions = [board["version"] for board in watcher.boards]
    assert all(earlier < later for earlier, later in pairwise(versions))


def test_a_change_outside_the_top_ten_sends_no_board(fresh_broadcaster: BroadcasterHarness) -> None:
    broadcaster = fresh_broadcaster
    players = [broadcaster.register_player() for _ in range(11)]
    for person in players[:10]:
        shown = person.score(3).board_version
    assert shown is not None
    with watch(broadcaster) as watcher:
        watcher.await_board(shown, seconds=2)
        seen = len(watcher.boards)
        # Stores the board, by which a change outside the top ten is found; messages do not.
        broadcaster.services.leaderboard.top()
        assert players[10].score(2).board_version == shown
        changed = players[0].score().board_version
        assert changed is not None
        watcher.await_board(changed, seconds=2)
        assert len(watcher.boards) == seen + 1


def test_a_viewer_that_joins_during_a_burst_misses_no_board_and_gets_no_older_one(
    broadcaster: BroadcasterHarness,
) -> None:
    leader = broadcaster.register_player()
    take_the_lead(leader)
    stop = threading.Event()

    def burst() -> None:
        while not stop.is_set():
            leader.score()

    scoring = threading.Thread(target=burst)
    with ExitStack() as stack:
        stack.callback(scoring.join)
        stack.callback(stop.set)
        scoring.start()
        watchers = [stack.enter_context(watch(broadcaster)) for _ in range(20)]
        stop.set()
        scoring.join()
        version = leader.score().board_version
        assert version is not None
        for watcher in watchers:
            watcher.await_board(version, seconds=2)
            versions = [board["version"] for board in watcher.boards]
            assert all(earlier < later for earlier, later in pairwise(versions))


def test_a_viewer_that_stops_reading_delays_no_others_gets_no_torn_frame_and_is_closed(
    fresh_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = fresh_broadcaster
    players = [Person.register(broadcaster.services, "名" * 100) for _ in range(10)]
    for person in players:
        person.score()
    tokens = [broadcaster.access_token(broadcaster.register_player()) for _ in range(3)]
    with (
        raw_viewer(broadcaster.port, tokens[0], receive_buffer=4096) as resuming,
        raw_viewer(broadcaster.port, tokens[1], receive_buffer=4096) as stalled,
        watch(broadcaster) as watcher,
    ):
        # Few enough that a busy machine takes less time than a stalled viewer is given.
        for turn in range(50):
            version = players[turn % 10].score().board_version
            assert version is not None
            watcher.await_board(version, seconds=1)

        resuming.send(json_frame({"type": "ping"}))
        boards = boards_until_pong(resuming)
        # The whole frames that the kernel held, and then the newest, but not all fifty.
        assert len(boards) < 40
        versions = [board["version"] for board in boards]
        assert all(earlier < later for earlier, later in pairwise(versions))
        if versions[-1] < version:
            assert resuming.next_event("leaderboard_update")["data"]["version"] == version

        broadcaster.await_log(r'"code": 4408, "event": "viewer_closing"', 30)
        *_, last = stalled.events()
        assert last["data"]["reason"] == "too_slow"
        assert stalled.closed_with == 4408


def boards_until_pong(viewer: RawViewer) -> list[dict[str, Any]]:
    boards: list[dict[str, Any]] = []
    for event in viewer.events():
        if event["event"] == "pong":
            return boards
        if event["event"] == "leaderboard_update":
            boards.append(event["data"])
    raise AssertionError("closed before the pong")


def test_every_viewer_gets_the_same_bytes(broadcaster: BroadcasterHarness) -> None:
    leader = broadcaster.register_player()
    version = take_the_lead(leader)
    with watch(broadcaster) as first, watch(broadcaster) as second:
        version = leader.score().board_version or version
        boards = [json.dumps(each.await_board(version, seconds=1)) for each in (first, second)]
        assert boards[0] == boards[1]
