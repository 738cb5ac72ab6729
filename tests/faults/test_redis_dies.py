"""Redis dies, forgets, freezes and stays away under load."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.full_board import fill_board
from tests.awaiting import await_true
from tests.faults.trial import RETURN_SECONDS, Trial, freeze, trial
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


def test_a_broadcaster_that_starts_without_redis_shows_no_older_board(begun: Trial) -> None:
    begun.valkey.kill()
    begun.system.broadcasters[0].kill()
    begun.system.broadcasters[0].wait()
    begun.system.start_broadcaster(begun.system.broadcaster_port)
    log = begun.system.log
    await_true(lambda: log("broadcaster").count('"listening"') == 2, RETURN_SECONDS)
    # Viewers knock again and again, and the first one after Redis' return is to see no old board.
    time.sleep(2)
    begun.valkey.start()
    begun.verdict(time.monotonic())
