"""The personal line: score and rank for a viewer who asked, soon and not too often."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection

from app.contract import keys
from tests.app.people import Person
from tests.awaiting import await_true
from tests.broadcaster.frames_in import BareViewer, bare_viewer, say
from tests.broadcaster.stage import Stage, broadcaster_on
from tests.servers import DatabaseServer, Stores, redis_server

pytestmark = pytest.mark.slow

WATCH_ME = json.dumps({"type": "watch_me"})


@pytest.fixture(scope="module")
def ranked_stage(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A broadcaster over a whole rank index."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with broadcaster_on(stores, tmp_path_factory.mktemp("broadcaster")) as stage:
            stage.services.index_keeper.keep()
            yield stage


def next_update(viewer: ClientConnection, seconds: float) -> dict[str, int | None]:
    """The next rank_update, which has to come in time."""
    limit = time.monotonic() + seconds
    while True:
        event = json.loads(viewer.recv(max(0.0, limit - time.monotonic())))
        if event["event"] == "rank_update":
            data: dict[str, int | None] = event["data"]
            return data


def updates_until_pong(viewer: BareViewer) -> list[dict[str, int | None]]:
    viewer.send(say({"type": "ping"}))
    come: list[dict[str, int | None]] = []
    for event in viewer.events():
        if event["event"] == "pong":
            return come
        if event["event"] == "rank_update":
            come.append(event["data"])
    raise AssertionError("closed before the pong")


def test_who_asks_is_told_their_standing_and_then_each_change_of_it(ranked_stage: Stage) -> None:
    stage = ranked_stage
    person, rival = stage.person(), stage.person()
    with stage.watch(person) as viewer:
        viewer.send(WATCH_ME)
        unranked = next_update(viewer, 2)
        assert unranked.keys() == {"score", "rank", "version"}
        assert (unranked["score"], unranked["rank"]) == (0, None)
        mine = person.score(2)
        told = next_update(viewer, 3)
        while told["score"] != mine.score:
            told = next_update(viewer, 3)
        assert told == {"score": 2, "rank": mine.rank, "version": mine.board_version}
        # A rank changes by what others do too.
        others = rival.score(3)
        assert others.rank is not None
        assert mine.rank is not None
        while told["rank"] != mine.rank + 1:
            told = next_update(viewer, 3)
        assert told["score"] == 2


def test_equals_share_a_rank(ranked_stage: Stage) -> None:
    stage = ranked_stage
    first, second = stage.person(), stage.person()
    first.score(4)
    second.score(4)
    ranks = set()
    for person in (first, second):
        with stage.watch(person) as viewer:
            viewer.send(WATCH_ME)
            ranks.add(next_update(viewer, 3)["rank"])
    (rank,) = ranks
    assert rank == stage.services.leaderboard.rank_of(4)


def test_a_burst_is_told_at_most_once_a_second_and_the_last_is_the_newest(
    ranked_stage: Stage,
) -> None:
    stage = ranked_stage
    person = stage.person()
    with stage.watch(person) as viewer:
        viewer.send(WATCH_ME)
        come = [(time.monotonic(), next_update(viewer, 3)["score"])]
        begun = time.monotonic()
        while time.monotonic() - begun < 2.5:
            outcome = person.score()
        while come[-1][1] != outcome.score:
            score = next_update(viewer, 3)["score"]
            come.append((time.monotonic(), score))
    seconds = come[-1][0] - come[0][0]
    assert 3 <= len(come) <= seconds + 2


def test_who_did_not_ask_and_whom_no_change_concerns_are_told_nothing(ranked_stage: Stage) -> None:
    stage = ranked_stage
    leader, below = stage.person(), stage.person()
    leader.score(9)
    with (
        bare_viewer(stage.port, stage.access_token(leader)) as asked,
        bare_viewer(stage.port, stage.access_token(leader)) as silent,
        stage.watch(below) as other,
    ):
        asked.send(say({"type": "watch_me"}))
        rank = asked.next_event("rank_update")["data"]["rank"]
        other.send(WATCH_ME)
        next_update(other, 3)
        below.score()
        # The round that tells one of them has looked at the other too.
        while next_update(other, 3)["score"] != 1:
            pass
        assert updates_until_pong(asked) == []
        assert updates_until_pong(silent) == []
        # Asking again is answered again.
        asked.send(say({"type": "watch_me"}))
        assert asked.next_event("rank_update")["data"]["rank"] == rank


def test_all_viewers_of_a_user_who_asked_are_told(ranked_stage: Stage) -> None:
    stage = ranked_stage
    person = stage.person()
    with stage.watch(person) as first, stage.watch(person) as second:
        for viewer in (first, second):
            viewer.send(WATCH_ME)
            next_update(viewer, 3)
        score = person.score().score
        assert next_update(first, 3)["score"] == next_update(second, 3)["score"] == score


def test_a_change_that_nobody_announced_is_told_within_five_seconds(ranked_stage: Stage) -> None:
    stage = ranked_stage
    person = stage.person()
    with stage.watch(person) as viewer:
        viewer.send(WATCH_ME)
        next_update(viewer, 3)
        stage.services.redis.zadd(keys.INDEX_SCORES, {person.user_id: 1})
        assert next_update(viewer, 5)["score"] == 1


def test_without_a_whole_index_nobody_is_told_wrong_ranks_but_all_once_it_is_whole(
    ranked_stage: Stage,
) -> None:
    stage = ranked_stage
    person = stage.person()
    ahead(stage, person)
    with (
        bare_viewer(stage.port, stage.access_token(person)) as viewer,
        bare_viewer(stage.port, stage.access_token(stage.person())) as late,
    ):
        viewer.send(say({"type": "watch_me"}))
        viewer.next_event("rank_update")
        stage.services.redis.delete(keys.INDEX_COMPLETE_UNTIL, keys.INDEX_SCORES)
        person.score()
        late.send(say({"type": "watch_me"}))
        seen = stage.log().count("standings_not_whole")
        await_true(lambda: stage.log().count("standings_not_whole") > seen + 1, 5)
        assert updates_until_pong(viewer) == updates_until_pong(late) == []
        stage.services.redis.delete(keys.INDEX_REVISIONS)
        stage.services.index_keeper.keep()
        assert viewer.next_event("rank_update")["data"]["rank"] == 1
        assert late.next_event("rank_update")["data"]["rank"] is None


def ahead(stage: Stage, person: Person) -> None:
    """Points until the person stands first."""
    while person.score().rank != 1:
        pass


def test_rounds_go_on_after_redis_was_away(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with redis_server(tmp_path_factory.mktemp("valkey")) as valkey:
        stores = Stores(postgres.create(), valkey.url)
        with broadcaster_on(stores, tmp_path_factory.mktemp("broadcaster")) as stage:
            stage.services.index_keeper.keep()
            person = stage.person()
            token = stage.access_token(person)
            with bare_viewer(stage.port, token) as viewer:
                viewer.send(say({"type": "watch_me"}))
                viewer.next_event("rank_update")
                valkey.kill()
                viewer.send(say({"type": "watch_me"}))
                stage.await_log("standings_not_read", 5)
                valkey.start()
                stage.services.index_keeper.keep()
                assert viewer.next_event("rank_update")["data"]["score"] == 0
