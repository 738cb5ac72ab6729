"""Scores of a trusted server with the Python client."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from clients.python.live_scoreboard_client import (
    Act,
    ApiError,
    AsyncService,
    Scoreboard,
    ScoresUnanswered,
    Service,
    new_id,
)
from clients.python.live_scoreboard_client.async_service import MAX_ACTS, MAX_BYTES, batches
from tests.clients.conftest import Judge
from tests.support.system.harness import SystemHarness
from tests.support.system.relay import Relay
from tests.support.waiting import run_coroutine

pytestmark = pytest.mark.slow


def test_more_acts_than_one_call_takes_are_all_counted_in_their_order(
    running_system: SystemHarness, judge: Judge
) -> None:
    player = running_system.register()
    acts = [Act(judge.board, 1, username=player.username) for _ in range(MAX_ACTS + 100)]
    with Service(running_system.url, judge.key) as service:
        results = service.score(acts)
        again = service.score(acts[:3])
    assert [result["id"] for result in results] == [act.id for act in acts]
    assert {result["status"] for result in results} == {"counted"}
    assert results[-1]["score"] == MAX_ACTS + 100
    assert [result["status"] for result in again] == ["repeated"] * 3
    with Scoreboard(running_system.url) as scoreboard:
        (row,) = scoreboard.read_board(judge.board)["leaderboard"]
    assert (row["userId"], row["score"]) == (player.user_id, MAX_ACTS + 100)


def test_acts_whose_reply_was_lost_are_repeated_and_count_once(
    running_system: SystemHarness, api_relay: Relay, judge: Judge
) -> None:
    player = running_system.register()
    api_relay.replies_to_lose += [b"POST /api/service/scores"] * 2
    with Service(f"http://127.0.0.1:{api_relay.port}", judge.key) as service:
        (result,) = service.score([Act(judge.board, 7, user_id=player.user_id)])
    assert api_relay.replies_to_lose == []
    assert (result["status"], result.get("score")) == ("repeated", 7)


def test_acts_that_got_no_answer_in_time_are_named_and_can_be_sent_again(
    running_system: SystemHarness, api_relay: Relay, judge: Judge
) -> None:
    player = running_system.register()
    acts = [Act(judge.board, 1, user_id=player.user_id) for _ in range(2)]

    async def score() -> None:
        url = f"http://127.0.0.1:{api_relay.port}"
        async with AsyncService(url, judge.key, retry_seconds=1) as service:
            api_relay.down()
            with pytest.raises(ScoresUnanswered) as unanswered:
                await service.score(acts)
            assert unanswered.value.unanswered == acts
            api_relay.up()
            results = await service.score(unanswered.value.unanswered)
            assert [result["status"] for result in results] == ["counted", "counted"]

    run_coroutine(score())


def test_a_refused_key_is_reported_at_once(running_system: SystemHarness, judge: Judge) -> None:
    acts = [Act(judge.board, 1, username="ada")]
    with (
        Service(running_system.url, judge.key[:-1] + "x") as service,
        pytest.raises(ScoresUnanswered) as refused,
    ):
        service.score(acts)
    assert isinstance(refused.value.cause, ApiError)
    assert (refused.value.cause.status, refused.value.unanswered) == (401, acts)


def test_a_refused_call_after_others_names_the_acts_that_were_counted(
    running_system: SystemHarness, judge: Judge
) -> None:
    player = running_system.register()
    small = Act(judge.board, 1, user_id=player.user_id)
    too_large = replace(small, id=new_id(), label="x" * 300_000)
    with Service(running_system.url, judge.key) as service:
        with pytest.raises(ScoresUnanswered) as refused:
            service.score([small, too_large])
        ((counted,), unanswered) = refused.value.results, refused.value.unanswered
        assert (counted["id"], counted["status"]) == (small.id, "counted")
        assert unanswered == [too_large]
        assert cast(ApiError, refused.value.cause).status == 413
        (repeated,) = service.score([small])
    assert (repeated["status"], repeated.get("score")) == ("repeated", 1)


def test_an_act_that_can_not_be_sent_ends_the_call_before_any_is_counted(
    running_system: SystemHarness, judge: Judge
) -> None:
    player = running_system.register()
    acts = [Act(judge.board, 1, user_id=player.user_id) for _ in range(MAX_ACTS + 1)]
    acts[-1] = replace(acts[-1], points=cast(int, object()))
    with Service(running_system.url, judge.key) as service:
        with pytest.raises(TypeError):
            service.score(acts)
        (first,) = service.score(acts[:1])
    assert first["status"] == "counted"


def test_a_batch_is_never_longer_than_the_api_takes() -> None:
    label = "ü" * 1_000
    acts = [Act("quiz", 1, username="ada", label=label) for _ in range(120)]
    parts = list(batches(acts))
    assert [act for part in parts for act in part] == acts
    assert len(parts) == 120 * 6_100 // MAX_BYTES + 1
