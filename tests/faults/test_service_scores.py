"""Boards beside `main` while workers and servers are killed: each act and token counts once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.support.faults.batch_load import service_board
from tests.support.faults.board_tokens import token_board
from tests.support.faults.harness import (
    RETURN_SECONDS,
    FaultHarness,
    freeze,
    stop_at_once,
    workers_of,
)
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

ACTS, SPENDS = 400, 20
"""Counted before the fault, and again after it."""


def kill_workers(harness: FaultHarness) -> None:
    for master in harness.system.web:
        for worker in workers_of(master.pid):
            worker.kill()


def restart_postgresql(harness: FaultHarness) -> None:
    stop_at_once(harness.postgres)
    harness.postgres.start()


def freeze_postgresql(harness: FaultHarness) -> None:
    freeze(harness.postgres, seconds=4)


def restart_redis(harness: FaultHarness) -> None:
    harness.valkey.kill()
    harness.valkey.start()


@pytest.mark.parametrize(
    "fault",
    [
        kill_workers,
        restart_postgresql,
        freeze_postgresql,
        restart_redis,
    ],
)
def test_every_act_of_repeated_batches_and_every_token_of_a_board_counts_once(
    harness: FaultHarness, fault: Callable[[FaultHarness], None]
) -> None:
    with service_board(harness) as quiz:
        arena = token_board(harness, quiz.services)
        load, tokens = quiz.load, arena.load

        def await_acts() -> None:
            acts, spends = len(load.acts) + ACTS, len(tokens.spends) + SPENDS
            await_true(lambda: len(load.acts) >= acts, RETURN_SECONDS)
            await_true(lambda: len(tokens.spends) >= spends, RETURN_SECONDS)

        with load.running():
            tokens.start()
            await_acts()
            fault(harness)
            over = time.monotonic()
            await_acts()
            tokens.stop()
        assert set(load.unanswered) <= {"DB_ERROR", "no answer", "SERVER_BUSY"}
        quiz.check_counted_once()
        arena.check_counted_once()
    harness.check_nothing_lost(over)


def test_acts_counted_while_redis_is_frozen_reach_every_ranking(harness: FaultHarness) -> None:
    """No act is repeated, so only the reconciler can publish what the API could not."""
    with service_board(harness) as quiz:
        url, new_batch = harness.system.url, quiz.load.new_batch
        assert quiz.load.ask(url, new_batch()) is not None
        await_true(quiz.is_indexed_as_counted, RETURN_SECONDS)
        before = {kind: quiz.version(kind) for kind in quiz.board.settings.periods}
        harness.valkey.pause()
        # The first call of each worker waits in Redis' socket; then its circuit is open.
        answers = [quiz.load.ask(url, new_batch()) for _ in range(12)]
        harness.valkey.resume()
        over = time.monotonic()
        assert all(answers)
        assert {result["status"] for results in answers for result in results or ()} == {"counted"}
        await_true(quiz.is_indexed_as_counted, RETURN_SECONDS)
        assert all(quiz.version(kind) > version for kind, version in before.items())
    harness.check_nothing_lost(over)
