"""PostgreSQL dies, freezes and restarts under load."""

from __future__ import annotations

import time

import pytest

from tests.faults.trial import Trial, freeze, stop_at_once

pytestmark = pytest.mark.slow


def test_postgresql_stopped_at_once_loses_nothing(begun: Trial) -> None:
    stop_at_once(begun.postgres)
    begun.postgres.start()
    begun.verdict(time.monotonic())
    assert begun.load.answers["DB_ERROR"] > 0


def test_postgresql_frozen_for_five_seconds_loses_nothing(begun: Trial) -> None:
    begun.verdict(freeze(begun.postgres, seconds=5))
    assert begun.load.answers["DB_ERROR"] > 0


def test_postgresql_restarted_loses_nothing(begun: Trial) -> None:
    begun.postgres.stop()
    begun.postgres.start()
    begun.verdict(time.monotonic())
    assert begun.load.answers["DB_ERROR"] > 0
