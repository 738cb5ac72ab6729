"""Processes of the system itself are killed under load."""

from __future__ import annotations

import time

import pytest

from tests.awaiting import await_true
from tests.faults.trial import RETURN_SECONDS, Trial, workers_of
from tests.system.running import await_health
from tools.processes import ended

pytestmark = pytest.mark.slow


def test_a_killed_worker_loses_nothing(begun: Trial) -> None:
    master = begun.system.web[0].pid
    before = workers_of(master)
    for victim in before:
        victim.kill()
        killed_at = time.monotonic()
        await_true(lambda: ended(victim), RETURN_SECONDS)  # noqa: B023 - called at once
        await_true(lambda: len(workers_of(master)) == len(before), RETURN_SECONDS)
    begun.verdict(killed_at)
    assert not set(before) & set(workers_of(master))


def test_a_killed_gunicorn_master_loses_nothing(begun: Trial) -> None:
    orphans = workers_of(begun.system.web[0].pid)
    begun.system.web[0].kill()
    begun.system.web[0].wait()
    begun.system.start_web(begun.system.ports[0])
    await_true(lambda: all(ended(orphan) for orphan in orphans), RETURN_SECONDS)
    await_health(begun.system.url)
    begun.verdict(time.monotonic())
    assert begun.system.web[-1].poll() is None


def test_a_killed_broadcaster_loses_nothing_and_its_viewers_come_back(begun: Trial) -> None:
    begun.system.broadcasters[0].kill()
    begun.system.broadcasters[0].wait()
    begun.await_load()
    begun.restart_broadcaster()
    begun.verdict(time.monotonic())
    assert all(viewer.connections == 2 for viewer in begun.audience.viewers)
