"""Batches of service scores while workers and servers are killed: each act counts once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from unittest.mock import patch

import pytest

from app.audit.audited_change import Initiator
from app.boards.board import Board, BoardSettings
from app.contract.standings import TOP, BoardPeriod
from app.leaderboard.rankings import ranking_of
from config.settings import load_settings
from tests.faults.batches import BATCH_SIZE, BOARD, BatchLoad
from tests.faults.harness import RETURN_SECONDS, FaultHarness, freeze, stop_at_once, workers_of
from tests.support.rank_index import ranking_index_equals_database
from tests.support.services import Services, build_services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "a test")
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


def services_of(harness: FaultHarness) -> Services:
    with patch.dict("os.environ", harness.system.environment()):
        return build_services(load_settings())


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
    services = services_of(harness)
    settings = BoardSettings(BOARD, "Quiz", max_points=9, min_points=0, periods=("all", "day"))
    board = services.boards.create(OPERATOR, settings)
    key = services.service_keys.create(OPERATOR, "judge", [BOARD], None)
    user_ids = [player.user_id for player in harness.load.players]
    load = BatchLoad(harness.system.urls, key.text, user_ids)

    def await_acts() -> None:
        wanted = len(load.acts) + ACTS
        await_true(lambda: len(load.acts) >= wanted, RETURN_SECONDS)

    with load.running():
        await_acts()
        fault(harness)
        over = time.monotonic()
        await_acts()
    assert set(load.statuses) == {"counted", "repeated"}
    assert set(load.unanswered) <= {"DB_ERROR", "no answer", "SERVER_BUSY"}
    acts = list(load.acts.values())
    for start in range(0, len(acts), BATCH_SIZE):
        results = load.ask(harness.system.url, acts[start : start + BATCH_SIZE])
        assert results is not None
        assert {result["status"] for result in results} == {"repeated"}
    expected: Counter[str] = Counter()
    for act in acts:
        expected[act["userId"]] += act["points"]
    for kind in settings.periods:
        period = services.standings.period(board, kind, None)
        shown = {row.user_id: row.score for row in services.standings.export(board, period)}
        assert shown == {user: points for user, points in expected.items() if points}
    await_true(lambda: is_indexed_as_counted(services, board), RETURN_SECONDS)
    services.close()
    harness.check_nothing_lost(over)


def is_indexed_as_counted(services: Services, board: Board) -> bool:
    """Whether the index of each ranking of the board equals PostgreSQL, and the top ten too."""
    for kind in board.settings.periods:
        period = services.standings.period(board, kind, None)
        shown = services.rankings.top(BoardPeriod(BOARD, kind)).rows
        if list(shown) != list(islice(services.standings.export(board, period), TOP)):
            return False
        if not ranking_index_equals_database(services, ranking_of(board, period)):
            return False
    return True
