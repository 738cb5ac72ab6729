"""Processes of the system itself are killed under load."""

from __future__ import annotations

import time

import pytest

from tests.support.faults.harness import RETURN_SECONDS, FaultHarness, workers_of
from tests.support.system.harness import await_health
from tests.support.waiting import await_true
from tools.local.processes import ended

pytestmark = pytest.mark.slow


def test_a_killed_worker_loses_no_point(own_harness: FaultHarness) -> None:
    master = own_harness.system.web[0].pid
    before = workers_of(master)
    for victim in before:
        victim.kill()
        killed_at = time.monotonic()
        await_true(lambda: ended(victim), RETURN_SECONDS)  # noqa: B023 - called at once
        await_true(lambda: len(workers_of(master)) == len(before), RETURN_SECONDS)
    own_harness.check_nothing_lost(killed_at)
    assert not set(before) & set(workers_of(master))


def test_a_killed_gunicorn_master_loses_no_point(own_harness: FaultHarness) -> None:
    orphans = workers_of(own_harness.system.web[0].pid)
    own_harness.system.web[0].kill()
    own_harness.system.web[0].wait()
    own_harness.system.start_web(own_harness.system.ports[0])
    await_true(lambda: all(ended(orphan) for orphan in orphans), RETURN_SECONDS)
    await_health(own_harness.system.url)
    own_harness.check_nothing_lost(time.monotonic())
    assert own_harness.system.web[-1].poll() is None


def test_a_killed_broadcaster_loses_no_point_and_its_viewers_reconnect(
    own_harness: FaultHarness,
) -> None:
    own_harness.system.broadcasters[0].kill()
    own_harness.system.broadcasters[0].wait()
    own_harness.await_increments()
    own_harness.restart_broadcaster()
    own_harness.check_nothing_lost(time.monotonic())
    assert all(viewer.connections == 2 for viewer in own_harness.audience.viewers)
