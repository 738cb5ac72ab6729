"""Batches of service scores while workers and servers are killed: each act counts once."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.faults.batches import service_board
from tests.faults.harness import RETURN_SECONDS, FaultHarness, freeze, stop_at_once, workers_of
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

ACTS = 400
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


def freeze_redis(harness: FaultHarness) -> None:
    freeze(harness.valkey, seconds=4)


@pytest.mark.parametrize(
    "fault",
    [
        kill_workers,
        restart_postgresql,
        freeze_postgresql,
        restart_redis,
        freeze_redis,
    ],
)
def test_every_act_of_repeated_batches_counts_once(
    harness: FaultHarness, fault: Callable[[FaultHarness], None]
) -> None:
    with service_board(harness) as quiz:
        load = quiz.load

        def await_acts() -> None:
            wanted = len(load.acts) + ACTS
            await_true(lambda: len(load.acts) >= wanted, RETURN_SECONDS)

        with load.running():
            await_acts()
            fault(harness)
            over = time.monotonic()
            await_acts()
        assert set(load.unanswered) <= {"DB_ERROR", "no answer", "SERVER_BUSY"}
        quiz.check_counted_once()
    harness.check_nothing_lost(over)
