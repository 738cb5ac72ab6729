"""Rank updates: score and rank for a viewer that asked, soon but not too often."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection

from app.contract import keys
from tests.support.broadcaster.frames import RawViewer, json_frame, raw_viewer
from tests.support.broadcaster.harness import BroadcasterHarness, running_broadcaster
from tests.support.players import Person
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

WATCH_ME = json.dumps({"type": "watch_me"})


@pytest.fixture(scope="module")
def ranked_broadcaster(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BroadcasterHarness]:
    """A broadcaster with a complete rank index."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with running_broadcaster(stores, tmp_path_factory.mktemp("broadcaster")) as broadcaster:
            broadcaster.services.reconciler.run_pass()
            yield broadcaster


def next_update(viewer: ClientConnection, seconds: float = 10.0) -> dict[str, int | None]:
    """The next rank_update, which has to arrive in time."""
    limit = time.monotonic() + seconds
    while True:
        event = json.loads(viewer.recv(max(0.0, limit - time.monotonic())))
        if event["event"] == "rank_update":
            data: dict[str, int | None] = event["data"]
            return data


def updates_until_pong(viewer: RawViewer) -> list[dict[str, int | None]]:
    viewer.send(json_frame({"type": "ping"}))
    received: list[dict[str, int | None]] = []
    for event in viewer.events():
        if event["event"] == "pong":
            return received
        if event["event"] == "rank_update":
            received.append(event["data"])
    raise AssertionError("closed before the pong")


def test_a_viewer_that_asks_gets_its_standing_and_then_each_change_of_it(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    person, rival = broadcaster.register_player(), broadcaster.register_player()
    with broadcaster.connect_viewer(person) as viewer:
        viewer.send(WATCH_ME)
        unranked = next_update(viewer)
        assert unranked.keys() == {"score", "rank", "version"}
        assert (unranked["score"], unranked["rank"]) == (0, None)
        mine = person.score(2)
        update = next_update(viewer)
        while update["score"] != mine.score:
            update = next_update(viewer)
        assert update == {"score": 2, "rank": mine.rank, "version": mine.board_version}
        # A rank also changes when another player scores.
        others = rival.score(3)
        assert others.rank is not None
        assert mine.rank is not None
        while update["rank"] != mine.rank + 1:
            update = next_update(viewer)
        assert update["score"] == 2


def test_players_with_equal_scores_share_a_rank(ranked_broadcaster: BroadcasterHarness) -> None:
    broadcaster = ranked_broadcaster
    first, second = broadcaster.register_player(), broadcaster.register_player()
    first.score(4)
    second.score(4)
    ranks = set()
    for person in (first, second):
        with broadcaster.connect_viewer(person) as viewer:
            viewer.send(WATCH_ME)
            ranks.add(next_update(viewer)["rank"])
    (rank,) = ranks
    assert rank == broadcaster.services.leaderboard.rank_of(4)


def test_a_burst_of_points_sends_at_most_one_rank_update_a_second_and_the_newest_last(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    person = broadcaster.register_player()
    with broadcaster.connect_viewer(person) as viewer:
        viewer.send(WATCH_ME)
        received = [(time.monotonic(), next_update(viewer)["score"])]
        started = time.monotonic()
        while time.monotonic() - started < 2.5:
            outcome = person.score()
        while received[-1][1] != outcome.score:
            score = next_update(viewer)["score"]
            received.append((time.monotonic(), score))
    seconds = received[-1][0] - received[0][0]
    assert 3 <= len(received) <= seconds + 2


def test_a_viewer_that_did_not_ask_or_whose_standing_is_unchanged_gets_no_rank_update(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    leader, below = broadcaster.register_player(), broadcaster.register_player()
    leader.score(9)
    with (
        raw_viewer(broadcaster.port, broadcaster.access_token(leader)) as asked,
        raw_viewer(broadcaster.port, broadcaster.access_token(leader)) as silent,
        broadcaster.connect_viewer(below) as other,
    ):
        asked.send(json_frame({"type": "watch_me"}))
        rank = asked.next_event("rank_update")["data"]["rank"]
        other.send(WATCH_ME)
        next_update(other)
        below.score()
        # The round that sends this update has also read the other user.
        while next_update(other)["score"] != 1:
            pass
        assert updates_until_pong(asked) == []
        assert updates_until_pong(silent) == []
        # A repeated request is answered again.
        asked.send(json_frame({"type": "watch_me"}))
        assert asked.next_event("rank_update")["data"]["rank"] == rank


def test_all_viewers_of_a_user_that_asked_get_rank_updates(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    person = broadcaster.register_player()
    with broadcaster.connect_viewer(person) as first, broadcaster.connect_viewer(person) as second:
        for viewer in (first, second):
            viewer.send(WATCH_ME)
            next_update(viewer)
        score = person.score().score
        assert next_update(first)["score"] == next_update(second)["score"] == score


def test_a_change_without_an_announcement_is_sent_within_five_seconds(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    person = broadcaster.register_player()
    # A user that is in the index: with a user added by zadd the index would be incomplete.
    score = person.score().score
    with broadcaster.connect_viewer(person) as viewer:
        viewer.send(WATCH_ME)
        assert next_update(viewer)["score"] == score
        broadcaster.services.redis.zadd(keys.INDEX_SCORES, {person.user_id: score + 1})
        assert next_update(viewer, 5)["score"] == score + 1


def test_rank_updates_wait_until_an_incomplete_rank_index_is_complete_again(
    ranked_broadcaster: BroadcasterHarness,
) -> None:
    broadcaster = ranked_broadcaster
    person = broadcaster.register_player()
    take_the_lead(broadcaster, person)
    with (
        raw_viewer(broadcaster.port, broadcaster.access_token(person)) as viewer,
        raw_viewer(
            broadcaster.port, broadcaster.access_token(broadcaster.register_player())
        ) as late,
    ):
        viewer.send(json_frame({"type": "watch_me"}))
        viewer.next_event("rank_update")
        broadcaster.services.redis.delete(keys.INDEX_COMPLETE_UNTIL, keys.INDEX_SCORES)
        person.score()
        late.send(json_frame({"type": "watch_me"}))
        seen = broadcaster.log().count("rank_index_incomplete")
        await_true(lambda: broadcaster.log().count("rank_index_incomplete") > seen + 1, 20)
        assert updates_until_pong(viewer) == updates_until_pong(late) == []
        broadcaster.services.redis.delete(keys.INDEX_REVISIONS)
        broadcaster.services.reconciler.run_pass()
        assert viewer.next_event("rank_update")["data"]["rank"] == 1
        assert late.next_event("rank_update")["data"]["rank"] is None


def take_the_lead(broadcaster: BroadcasterHarness, person: Person) -> None:
    """Score until the person leads."""
    while person.score().rank != 1:
        pass


def test_rounds_continue_after_a_redis_outage(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with redis_server(tmp_path_factory.mktemp("valkey")) as valkey:
        stores = Stores(postgres.create(), valkey.url)
        with running_broadcaster(stores, tmp_path_factory.mktemp("broadcaster")) as broadcaster:
            broadcaster.services.reconciler.run_pass()
            person = broadcaster.register_player()
            token = broadcaster.access_token(person)
            with raw_viewer(broadcaster.port, token) as viewer:
                viewer.send(json_frame({"type": "watch_me"}))
                viewer.next_event("rank_update")
                valkey.kill()
                viewer.send(json_frame({"type": "watch_me"}))
                broadcaster.await_log("standings_not_read", 20)
                valkey.start()
                broadcaster.services.reconciler.run_pass()
                assert viewer.next_event("rank_update")["data"]["score"] == 0
