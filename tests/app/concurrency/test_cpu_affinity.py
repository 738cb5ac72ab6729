"""Workers that are pinned to one CPU each (WEB_PINNED)."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread

import psutil
import pytest

from app.concurrency import cpu_affinity
from tests.support.api_harness import ApiHarness
from tests.support.servers import Stores
from tests.support.waiting import await_true

pytestmark = pytest.mark.skipif(not cpu_affinity.CAN_PIN, reason="only Linux can pin threads")
SLOW_BCRYPT_COST = "13"


def thread_cpus(process: psutil.Process) -> set[frozenset[int]]:
    """The sets of CPUs that the threads of the process may run on."""
    found = set()
    for thread in process.threads():
        # It may have ended since it was listed.
        with suppress(ProcessLookupError):
            found.add(frozenset(os.sched_getaffinity(thread.id)))
    return found


@pytest.mark.slow
@pytest.mark.skipif(len(cpu_affinity.ALLOWED_CPUS) < 2, reason="needs two CPUs")
def test_each_worker_has_its_own_cpu_and_its_successor_gets_the_same(
    stores: Stores, tmp_path: Path
) -> None:
    with ApiHarness(
        stores, tmp_path, variables={"WEB_PINNED": "true", "WEB_WORKERS": "2"}
    ) as alone:
        master = psutil.Process(alone.web[0].pid)
        await_true(lambda: len(master.children()) == 2, 20)

        def separate() -> bool:
            # All threads of a worker, the background threads too, are on one CPU.
            found = [thread_cpus(worker) for worker in master.children()]
            return (
                len(found) == 2
                and all(len(sets) == 1 and len(next(iter(sets))) == 1 for sets in found)
                and found[0] != found[1]
            )

        await_true(separate, 20)
        alone.register()
        victim, other = master.children()
        cpus_of_victim = thread_cpus(victim)
        os.kill(victim.pid, signal.SIGKILL)
        await_true(
            lambda: (
                {victim.pid} != {each.pid for each in master.children()} - {other.pid}
                and len(master.children()) == 2
            ),
            20,
        )
        (successor,) = (each for each in master.children() if each.pid != other.pid)
        await_true(lambda: thread_cpus(successor) == cpus_of_victim, 20)
        # The master's own threads, and other processes that it starts, may run anywhere.
        assert thread_cpus(master) == {cpu_affinity.ALLOWED_CPUS}


@pytest.mark.slow
@pytest.mark.skipif(len(cpu_affinity.ALLOWED_CPUS) < 2, reason="needs two CPUs")
def test_a_pinned_worker_hashes_passwords_on_every_cpu(stores: Stores, tmp_path: Path) -> None:
    variables = {"WEB_PINNED": "true", "WEB_WORKERS": "1", "BCRYPT_COST": SLOW_BCRYPT_COST}
    with (
        ApiHarness(stores, tmp_path, variables=variables) as alone,
        ThreadPoolExecutor(1) as pool,
    ):
        (worker,) = psutil.Process(alone.web[0].pid).children()
        registered = pool.submit(alone.register)
        await_true(lambda: cpu_affinity.ALLOWED_CPUS in thread_cpus(worker), 20)
        registered.result()
        await_true(lambda: cpu_affinity.ALLOWED_CPUS not in thread_cpus(worker), 20)


def test_an_unpinned_block_may_run_on_every_cpu() -> None:
    seen = []

    def work() -> None:
        cpu_affinity.pin_thread(min(cpu_affinity.ALLOWED_CPUS))
        seen.append(frozenset(os.sched_getaffinity(0)))
        with cpu_affinity.unpinned():
            seen.append(frozenset(os.sched_getaffinity(0)))
        seen.append(frozenset(os.sched_getaffinity(0)))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    pinned = frozenset({min(cpu_affinity.ALLOWED_CPUS)})
    assert seen == [pinned, cpu_affinity.ALLOWED_CPUS, pinned]


def test_the_next_worker_gets_the_least_used_cpu() -> None:
    first, *others = sorted(cpu_affinity.ALLOWED_CPUS)
    assert cpu_affinity.least_used_cpu([]) == first
    if others:
        assert cpu_affinity.least_used_cpu([first]) == others[0]
        assert cpu_affinity.least_used_cpu([first, first, *others]) == others[0]


def test_there_is_one_worker_per_cpu_only_if_the_numbers_are_equal() -> None:
    number = len(cpu_affinity.ALLOWED_CPUS)
    candidates = range(1, 2 * number + 2)
    found = [workers for workers in candidates if cpu_affinity.one_worker_per_cpu(workers)]
    assert found == [number]


@pytest.mark.slow
@pytest.mark.skipif(len(cpu_affinity.ALLOWED_CPUS) > 8, reason="too many workers for a test")
def test_by_default_workers_are_pinned_if_each_cpu_has_one(stores: Stores, tmp_path: Path) -> None:
    number = len(cpu_affinity.ALLOWED_CPUS)
    with ApiHarness(stores, tmp_path, variables={"WEB_WORKERS": str(number)}) as alone:
        master = psutil.Process(alone.web[0].pid)
        all_cpus = {frozenset({each}) for each in cpu_affinity.ALLOWED_CPUS}
        await_true(
            lambda: {cpus for each in master.children() for cpus in thread_cpus(each)} == all_cpus,
            20,
        )
