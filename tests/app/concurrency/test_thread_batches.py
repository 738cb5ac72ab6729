"""Batches of threads: which requests run together, and what each thread gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from unittest.mock import patch

import pytest

from app.concurrency import batching
from app.concurrency.batching import (
    BATCH_THREADS,
    MAX_BATCH_SIZE,
    RETRY_LATER,
    Answers,
    BatchedCall,
)
from app.concurrency.thread_batches import BatchFailed, ThreadBatches
from tests.support.waiting import await_true

THREADS = 40


class Doubling:
    """A batched call that doubles numbers, and waits for `proceed` at the number 0."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.waiting = threading.Semaphore(0)
        self.proceed = threading.Event()
        self.double = BatchedCall(self._together)

    def _together(self, numbers: Sequence[int]) -> Answers[int]:
        self.calls.append(list(numbers))
        if 0 in numbers:
            self.waiting.release()
            assert self.proceed.wait(10)
        return [number * 2 for number in numbers]


def submit(
    pool: ThreadPoolExecutor, batches: ThreadBatches, request: Callable[[], int]
) -> Future[int]:
    """Run the request in a thread of the pool; the future has what the request returned."""

    def run() -> int:
        answers: list[int] = []
        batches.run(lambda: answers.append(request()))
        return answers[0]

    return pool.submit(run)


def test_requests_that_arrive_during_a_batch_form_the_next_ones() -> None:
    server, batches = Doubling(), ThreadBatches()
    with ThreadPoolExecutor(THREADS) as pool:
        first = submit(pool, batches, partial(server.double, 0))
        assert server.waiting.acquire(timeout=10)
        # A second stalled batch, so that no further thread starts one of its own.
        second = submit(pool, batches, partial(server.double, 0))
        assert server.waiting.acquire(timeout=10)
        others = [submit(pool, batches, partial(server.double, n)) for n in range(1, 36)]
        await_true(lambda: batches.waiting_requests == len(others), 10)
        server.proceed.set()
        assert [each.result(10) for each in others] == [2 * n for n in range(1, 36)]
        assert (first.result(10), second.result(10)) == (0, 0)
    sizes = [len(call) for call in server.calls]
    assert sizes[:BATCH_THREADS] == [1, 1]
    assert max(sizes) <= MAX_BATCH_SIZE
    assert len(sizes) <= 8


def test_a_stalled_batch_delays_the_others_only_for_a_moment() -> None:
    server, batches = Doubling(), ThreadBatches()
    with ThreadPoolExecutor(2) as pool:
        stalled = submit(pool, batches, partial(server.double, 0))
        assert server.waiting.acquire(timeout=10)
        assert submit(pool, batches, partial(server.double, 4)).result(5) == 8
        assert not stalled.done()
        server.proceed.set()
        assert stalled.result(5) == 0


def test_requests_join_a_batch_that_waits_for_a_lock_and_are_answered_before_it_ends() -> None:
    locked, asked = [1, 2], threading.Event()

    def together(numbers: Sequence[int]) -> Answers[int]:
        asked.set()
        return [RETRY_LATER if number in locked else number for number in numbers]

    call, batches = BatchedCall(together), ThreadBatches()
    with patch.object(batching, "MAX_RETRY_SECONDS", 10.0), ThreadPoolExecutor(4) as pool:
        waiting = [submit(pool, batches, partial(call, number)) for number in (1, 2)]
        assert asked.wait(10)
        others = [submit(pool, batches, partial(call, number)) for number in (3, 4)]
        assert [each.result(10) for each in others] == [3, 4]
        assert not any(each.done() for each in waiting)
        locked.clear()
        assert [each.result(10) for each in waiting] == [1, 2]


def test_each_thread_of_a_failed_batch_learns_it_and_the_next_batch_works() -> None:
    batches = ThreadBatches()

    def fail() -> int:
        raise SystemExit("a request must not raise")

    with pytest.raises(BatchFailed):
        batches.run(fail)
    answers: list[int] = []
    batches.run(lambda: answers.append(1))
    assert answers == [1]


def test_many_requests_of_many_threads_are_each_answered_once() -> None:
    server, batches = Doubling(), ThreadBatches()
    server.proceed.set()
    with ThreadPoolExecutor(THREADS) as pool:
        numbers = range(1, 2001)
        futures = [submit(pool, batches, partial(server.double, n)) for n in numbers]
        assert [each.result(30) for each in futures] == [2 * n for n in numbers]
    assert sorted(n for call in server.calls for n in call) == list(numbers)
