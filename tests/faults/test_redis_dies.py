"""Redis is killed, emptied, frozen and stays down under load."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.full_board import fill_board
from tests.support.faults.harness import (
    RETURN_SECONDS,
    FaultHarness,
    fault_system,
    freeze,
    under_load,
)
from tests.support.servers import Stores, empty
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
MANY_PLAYERS = 100_000


def test_redis_killed_and_restarted_empty_loses_no_point_of_100_000_players(tmp_path: Path) -> None:
    def fill(stores: Stores) -> None:
        fill_board(stores.database_url, MANY_PLAYERS)

    with fault_system(tmp_path, before=fill) as system, under_load(system) as harness:
        harness.valkey.kill()
        harness.valkey.start()
        harness.check_nothing_lost(time.monotonic())
        assert harness.ledger.players() > MANY_PLAYERS


def test_redis_emptied_loses_no_point(harness: FaultHarness) -> None:
    empty(harness.valkey.url)
    harness.check_nothing_lost(time.monotonic())
    assert set(harness.load.answers) <= {"200", "TOKEN_USED", "REDIS_UNAVAILABLE"}


def test_redis_frozen_for_five_seconds_loses_no_point(harness: FaultHarness) -> None:
    harness.check_nothing_lost(freeze(harness.valkey, seconds=5))
    assert harness.load.answers["REDIS_UNAVAILABLE"] > 0


def test_redis_down_for_ten_seconds_loses_no_point(harness: FaultHarness) -> None:
    harness.valkey.kill()
    time.sleep(10)  # the fault itself
    assert harness.audience.complete
    harness.valkey.start()
    harness.check_nothing_lost(time.monotonic())
    assert harness.load.answers["REDIS_UNAVAILABLE"] > 0


def test_a_broadcaster_that_starts_without_redis_shows_no_older_board(
    own_harness: FaultHarness,
) -> None:
    own_harness.valkey.kill()
    own_harness.system.broadcasters[0].kill()
    own_harness.system.broadcasters[0].wait()
    own_harness.system.start_broadcaster(own_harness.system.broadcaster_port)
    log = own_harness.system.log
    await_true(lambda: log("broadcaster").count('"listening"') == 2, RETURN_SECONDS)
    # Viewers keep reconnecting. The first one after the return of Redis must not see an old board.
    time.sleep(2)
    own_harness.valkey.start()
    own_harness.check_nothing_lost(time.monotonic())
