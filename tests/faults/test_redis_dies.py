"""Redis dies, forgets, freezes and stays away under load."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.full_board import fill_board
from tests.faults.trial import Trial, freeze, trial
from tests.servers import Stores, empty

pytestmark = pytest.mark.slow
MANY_PLAYERS = 100_000


def test_redis_killed_and_restarted_empty_loses_nothing_of_100_000_players(tmp_path: Path) -> None:
    def fill(stores: Stores) -> None:
        fill_board(stores.database_url, MANY_PLAYERS)

    with trial(tmp_path, before=fill) as begun:
        begun.valkey.kill()
        begun.valkey.start()
        begun.verdict(time.monotonic())
        assert begun.truth.players() > MANY_PLAYERS


def test_redis_emptied_loses_nothing(begun: Trial) -> None:
    empty(begun.valkey.url)
    begun.verdict(time.monotonic())
    assert set(begun.load.answers) <= {"200", "TOKEN_USED", "REDIS_UNAVAILABLE"}


def test_redis_frozen_for_five_seconds_loses_nothing(begun: Trial) -> None:
    begun.verdict(freeze(begun.valkey, seconds=5))
    assert begun.load.answers["REDIS_UNAVAILABLE"] > 0


def test_redis_down_for_ten_seconds_loses_nothing(begun: Trial) -> None:
    begun.valkey.kill()
    time.sleep(10)  # the fault itself
    assert begun.audience.complete
    begun.valkey.start()
    begun.verdict(time.monotonic())
    assert begun.load.answers["REDIS_UNAVAILABLE"] > 0
