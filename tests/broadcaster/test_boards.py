"""The boards that viewers get: soon, in order, not too many, and the latest always."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import pytest

from tests.app.people import Person
from tests.broadcaster.frames_in import BareViewer, bare_viewer, say
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.running import RunningSystem
from tests.system.watching import Watcher

pytestmark = pytest.mark.slow

INTERVAL_SECONDS = 0.1


@pytest.fixture
def fresh_stage(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A stage with an empty board and long names to come."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("broadcaster")
        with broadcaster_on(stores, logs, BROADCAST_INTERVAL_MS="20") as stage:
            yield stage


def watch(stage: Stage) -> Watcher:
    return Watcher(stage.websocket_url, stage.access_token(stage.person()))


def lead(person: Person) -> int:
    """Points until the person stands first; the version of the board that shows it."""
    while True:
        outcome = person.score()
        assert outcome.board_version is not None
        if outcome.rank == 1:
            return outcome.board_version


def test_a_point_made_through_the_api_is_shown_within_a_second(
    running_system: RunningSystem,
) -> None:
    player = running_system.register("Åsa")
    with Watcher(running_system.websocket_url, player.access_token) as watcher:
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


def test_a_burst_is_at_most_ten_boards_a_second_and_the_last_is_the_newest(stage: Stage) -> None:
    leader = stage.person()
    lead(leader)
    with (
        watch(stage) as watcher,
        bare_viewer(stage.port, stage.access_token(stage.person())) as timed,
    ):
        timed.next_event("leaderboard_update")
        begun = time.monotonic()
        while time.monotonic() - begun < 1.2:
            outcome = leader.score()
        assert outcome.board_version is not None
        come: list[tuple[float, int]] = []
        while not come or come[-1][1] < outcome.board_version:
            version = timed.next_event("leaderboard_update")["data"]["version"]
            come.append((time.monotonic(), version))
        board = watcher.await_board(outcome.board_version, seconds=1)
    assert board["leaderboard"][0]["score"] == outcome.score
    seconds = come[-1][0] - begun
    # The timed viewer reads late, but what it got is what was sent.
    assert 5 <= len(come) <= seconds / INTERVAL_SECONDS + 2
    versions = [board["version"] for board in watcher.boards]
    assert all(earlier < later for earlier, later in pairwise(versions))


def test_a_change_outside_the_top_ten_sends_nothing(fresh_stage: Stage) -> None:
    stage = fresh_stage
    people = [stage.person() for _ in range(11)]
    for person in people[:10]:
        shown = person.score(3).board_version
    assert shown is not None
    with watch(stage) as watcher:
        watcher.await_board(shown, seconds=2)
        seen = len(watcher.boards)
        assert people[10].score(2).board_version == shown
        changed = people[0].score().board_version
        assert changed is not None
        watcher.await_board(changed, seconds=2)
        assert len(watcher.boards) == seen + 1


def test_who_joins_in_a_burst_misses_nothing_and_sees_no_version_go_back(stage: Stage) -> None:
    leader = stage.person()
    lead(leader)
    stop = threading.Event()

    def burst() -> None:
        while not stop.is_set():
            leader.score()

    scoring = threading.Thread(target=burst)
    with ExitStack() as stack:
        stack.callback(scoring.join)
        stack.callback(stop.set)
        scoring.start()
        watchers = [stack.enter_context(watch(stage)) for _ in range(20)]
        stop.set()
        scoring.join()
        version = leader.score().board_version
        assert version is not None
        for watcher in watchers:
            watcher.await_board(version, seconds=2)
            versions = [board["version"] for board in watcher.boards]
            assert all(earlier < later for earlier, later in pairwise(versions))


def test_who_stops_reading_delays_nobody_gets_no_torn_frame_and_is_closed(
    fresh_stage: Stage,
) -> None:
    stage = fresh_stage
    people = [Person.register(stage.services, "名" * 100) for _ in range(10)]
    for person in people:
        person.score()
    tokens = [stage.access_token(stage.person()) for _ in range(3)]
    with (
        bare_viewer(stage.port, tokens[0], receive_buffer=4096) as resuming,
        bare_viewer(stage.port, tokens[1], receive_buffer=4096) as stalled,
        watch(stage) as watcher,
    ):
        delays = []
        for turn in range(100):
            version = people[turn % 10].score().board_version
            assert version is not None
            begun = time.monotonic()
            watcher.await_board(version, seconds=1)
            delays.append(time.monotonic() - begun)
        assert sorted(delays)[95] < 0.2

        resuming.send(say({"type": "ping"}))
        boards = boards_until_pong(resuming)
        # What the kernel held, whole frames all, and then the newest: not the hundred.
        assert len(boards) < 60
        versions = [board["version"] for board in boards]
        assert all(earlier < later for earlier, later in pairwise(versions))
        if versions[-1] < version:
            assert resuming.next_event("leaderboard_update")["data"]["version"] == version

        stage.await_log(r'"code": 4408, "event": "viewer_closing"', 15)
        *_, last = stalled.events()
        assert last["data"]["reason"] == "too_slow"
        assert stalled.closed_with == 4408


def boards_until_pong(viewer: BareViewer) -> list[dict[str, Any]]:
    boards: list[dict[str, Any]] = []
    for event in viewer.events():
        if event["event"] == "pong":
            return boards
        if event["event"] == "leaderboard_update":
            boards.append(event["data"])
    raise AssertionError("closed before the pong")


def test_every_viewer_gets_the_same_bytes(stage: Stage) -> None:
    leader = stage.person()
    version = lead(leader)
    with watch(stage) as first, watch(stage) as second:
        version = leader.score().board_version or version
        boards = [json.dumps(each.await_board(version, seconds=1)) for each in (first, second)]
        assert boards[0] == boards[1]
