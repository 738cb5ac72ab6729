"""A bulkhead runs few callers at a time, lets a few wait, and refuses the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from app.concurrency.bulkhead import Bulkhead, BulkheadFull

LONG_SECONDS = 10.0


class Work:
    """Work inside a bulkhead that ends when the test says so."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def run(self, bulkhead: Bulkhead) -> None:
        with bulkhead.entered():
            with self._lock:
                self.running += 1
                self.most_running = max(self.most_running, self.running)
            self.started.release()
            assert self.may_end.wait(LONG_SECONDS)
            with self._lock:
                self.running -= 1


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_end.set()


@pytest.fixture
def pool(work: Work) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as pool:
        yield pool
        # Otherwise the end of the block would wait for work of a test that failed.
        work.may_end.set()


def refused(futures: list[Future[None]]) -> int:
    return sum(isinstance(future.exception(LONG_SECONDS), BulkheadFull) for future in futures)


def test_callers_beyond_the_running_and_waiting_ones_are_refused_at_once(
    work: Work, pool: ThreadPoolExecutor
) -> None:
    bulkhead = Bulkhead(2, 3, LONG_SECONDS)
    running = [pool.submit(work.run, bulkhead) for _ in range(2)]
    for _ in running:
        assert work.started.acquire(timeout=LONG_SECONDS)
    others = [pool.submit(work.run, bulkhead) for _ in range(10)]
    deadline = time.monotonic() + LONG_SECONDS / 2
    while sum(future.done() for future in others) < 7:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    work.may_end.set()
    assert refused(others) == 7
    assert refused(running) == 0
    assert work.most_running == 2


def test_a_caller_that_has_waited_too_long_is_refused(work: Work, pool: ThreadPoolExecutor) -> None:
    bulkhead = Bulkhead(1, 5, 0.1)
    running = pool.submit(work.run, bulkhead)
    assert work.started.acquire(timeout=LONG_SECONDS)
    assert refused([pool.submit(work.run, bulkhead)]) == 1
    work.may_end.set()
    assert running.exception(LONG_SECONDS) is None


def test_work_that_fails_leaves_its_place() -> None:
    bulkhead = Bulkhead(1, 0, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), bulkhead.entered():
            raise ZeroDivisionError
    with bulkhead.entered():
        pass


def test_a_caller_refused_after_a_wait_does_not_count_as_waiting(
    work: Work, pool: ThreadPoolExecutor
) -> None:
    bulkhead = Bulkhead(1, 1, 0.05)
    pool.submit(work.run, bulkhead)
    assert work.started.acquire(timeout=LONG_SECONDS)
    for _ in range(3):
        # Refused after the wait, because the one place for waiting callers is free each time.
        with pytest.raises(BulkheadFull, match="no place was free"):
            work.run(bulkhead)


def test_every_waiting_caller_runs_in_the_end() -> None:
    bulkhead = Bulkhead(2, 50, LONG_SECONDS)
    ran = []

    def run(number: int) -> None:
        with bulkhead.entered():
            ran.append(number)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(run, range(50)))
    assert sorted(ran) == list(range(50))
