"""Workers that keep to one CPU each (WEB_PINNED)."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from threading import Thread

import psutil
import pytest

from config import processors
from tests.app.http.web_alone import WebAlone
from tests.awaiting import await_true
from tests.servers import Stores

pytestmark = pytest.mark.skipif(not processors.CAN_KEEP, reason="only Linux has this")


def kept_on(process: psutil.Process) -> set[frozenset[int]]:
    """The sets of CPUs that the threads of the process are allowed."""
    return {frozenset(os.sched_getaffinity(thread.id)) for thread in process.threads()}


@pytest.mark.slow
@pytest.mark.skipif(len(processors.ALLOWED) < 2, reason="two CPUs are needed to take turns")
def test_each_worker_has_a_cpu_of_its_own_and_its_successor_takes_it_over(
    stores: Stores, tmp_path: Path
) -> None:
    with WebAlone(stores, tmp_path, variables={"WEB_PINNED": "true", "WEB_WORKERS": "2"}) as alone:
        master = psutil.Process(alone.web[0].pid)
        await_true(lambda: len(master.children()) == 2, 20)

        def separate() -> bool:
            # Of each worker all threads, the index keeper's too, are on one CPU.
            found = [kept_on(worker) for worker in master.children()]
            return (
                len(found) == 2
                and all(len(sets) == 1 and len(next(iter(sets))) == 1 for sets in found)
                and found[0] != found[1]
            )

        await_true(separate, 20)
        alone.register()
        victim, other = master.children()
        of_victim = kept_on(victim)
        os.kill(victim.pid, signal.SIGKILL)
        await_true(
            lambda: (
                {victim.pid} != {each.pid for each in master.children()} - {other.pid}
                and len(master.children()) == 2
            ),
            20,
        )
        (successor,) = (each for each in master.children() if each.pid != other.pid)
        await_true(lambda: kept_on(successor) == of_victim, 20)
        # The master's own threads, and whatever it begins besides, may run anywhere.
        assert kept_on(master) == {processors.ALLOWED}


def test_what_needs_no_python_may_run_on_every_cpu() -> None:
    seen = []

    def work() -> None:
        processors.keep_to(min(processors.ALLOWED))
        seen.append(frozenset(os.sched_getaffinity(0)))
        with processors.on_any():
            seen.append(frozenset(os.sched_getaffinity(0)))
        seen.append(frozenset(os.sched_getaffinity(0)))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    kept = frozenset({min(processors.ALLOWED)})
    assert seen == [kept, processors.ALLOWED, kept]


def test_the_least_taken_cpu_is_the_next_one() -> None:
    first, *others = sorted(processors.ALLOWED)
    assert processors.freest([]) == first
    if others:
        assert processors.freest([first]) == others[0]
        assert processors.freest([first, first, *others]) == others[0]


def test_workers_are_one_for_each_cpu_only_if_they_are_as_many() -> None:
    number = len(processors.ALLOWED)
    found = [workers for workers in range(1, 2 * number + 2) if processors.one_each(workers)]
    assert found == [number]


@pytest.mark.slow
@pytest.mark.skipif(len(processors.ALLOWED) > 8, reason="a worker for each CPU is too many here")
def test_by_default_workers_are_pinned_where_each_cpu_has_one(
    stores: Stores, tmp_path: Path
) -> None:
    number = len(processors.ALLOWED)
    with WebAlone(stores, tmp_path, variables={"WEB_WORKERS": str(number)}) as alone:
        master = psutil.Process(alone.web[0].pid)
        everyone = {frozenset({each}) for each in processors.ALLOWED}
        await_true(
            lambda: {one for each in master.children() for one in kept_on(each)} == everyone, 20
        )
