"""Processes of the system itself are killed under load."""

from __future__ import annotations

import time

import pytest

from tests.support.faults.harness import RETURN_SECONDS, FaultHarness, workers_of
from tests.support.system.harness import await_health
from tests.support.waiting import await_true
from tools.local.processes import ended

pytestmark = pytest.mark.slow


def test_a_killed_worker_loses_no_point(harness: FaultHarness) -> None:
    master = harness.system.web[0].pid
    before = workers_of(master)
    for victim in before:
        victim.kill()
        killed_at = time.monotonic()
        await_true(lambda: ended(victim), RETURN_SECONDS)  # noqa: B023 - called at once
        await_true(lambda: len(workers_of(master)) == len(before), RETURN_SECONDS)
    harness.check_nothing_lost(killed_at)
    assert not set(before) & set(workers_of(master))


def test_a_killed_gunicorn_master_loses_no_point(harness: FaultHarness) -> None:
    orphans = workers_of(harness.system.web[0].pid)
    harness.system.web[0].kill()
    harness.system.web[0].wait()
    harness.system.start_web(harness.system.ports[0])
    await_true(lambda: all(ended(orphan) for orphan in orphans), RETURN_SECONDS)
    await_health(harness.system.url)
    harness.check_nothing_lost(time.monotonic())
    assert harness.system.web[-1].poll() is None


def test_a_killed_broadcaster_loses_no_point_and_its_viewers_reconnect(
    harness: FaultHarness,
) -> None:
    harness.system.broadcasters[0].kill()
    harness.system.broadcasters[0].wait()
    harness.await_increments()
    harness.restart_broadcaster()
    harness.check_nothing_lost(time.monotonic())
    assert all(viewer.connections == 2 for viewer in harness.audience.viewers)
