"""PostgreSQL is killed, frozen and restarted under load."""

from __future__ import annotations

import time

import pytest

from tests.support.faults.harness import FaultHarness, freeze, stop_at_once

pytestmark = pytest.mark.slow


def test_postgresql_stopped_at_once_loses_no_point(harness: FaultHarness) -> None:
    stop_at_once(harness.postgres)
    harness.postgres.start()
    harness.check_nothing_lost(time.monotonic())
    assert harness.load.answers["DB_ERROR"] > 0


def test_postgresql_frozen_for_five_seconds_loses_no_point(harness: FaultHarness) -> None:
    harness.check_nothing_lost(freeze(harness.postgres, seconds=5))
    assert harness.load.answers["DB_ERROR"] > 0


def test_postgresql_restarted_loses_no_point(harness: FaultHarness) -> None:
    harness.postgres.stop()
    harness.postgres.start()
    harness.check_nothing_lost(time.monotonic())
    assert harness.load.answers["DB_ERROR"] > 0
