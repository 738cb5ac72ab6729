"""Callers that need the same result at the same time share one call."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from app.concurrency import single_flight
from app.concurrency.single_flight import Shared, SingleFlight
from tests.support.servers import ROOT
from tests.support.waiting import await_true


class SlowCall:
    """A call that ends when the test says so."""

    def __init__(self, outcome: BaseException | None = None) -> None:
        self.started = threading.Semaphore(0)
        self.number = 0
        self._outcome = outcome
        self._may_end = threading.Event()

    def __call__(self) -> int:
        self.number += 1
        number = self.number
        self.started.release()
        assert self._may_end.wait(10)
        if self._outcome is not None:
            raise self._outcome
        return number

    def end(self) -> None:
        self._may_end.set()


Join = Callable[[Callable[[], int]], "Future[Shared[int]]"]


@contextmanager
def joining(flights: SingleFlight[int, int]) -> Iterator[Join]:
    """Starts callers in threads; returns when each of them makes its call or has joined another."""
    begun = threading.Semaphore(0)

    class NotedEnd(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            begun.release()
            return super().wait(timeout)

    class NotedFlight(single_flight.Flight[int]):
        def __init__(self) -> None:
            super().__init__()
            self.ended = NotedEnd()

    with (
        patch.object(single_flight, "Flight", NotedFlight),
        ThreadPoolExecutor(10) as pool,
    ):

        def join(call: Callable[[], int]) -> Future[Shared[int]]:
            def noted_call() -> int:
                begun.release()
                return call()

            future = pool.submit(flights.run, 1, noted_call)
            assert begun.acquire(timeout=10)
            return future

        yield join


def test_callers_of_one_key_share_one_call_and_the_next_caller_makes_a_new_one() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    call = SlowCall()
    with joining(flights) as join:
        first = join(call)
        assert call.started.acquire(timeout=10)
        others = [join(call) for _ in range(5)]
        call.end()
        assert first.result(10) == Shared(1, joined=False)
        assert [other.result(10) for other in others] == [Shared(1, joined=True)] * 5
    assert flights.run(1, call) == Shared(2, joined=False)


def test_callers_of_another_key_do_not_wait() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    call = SlowCall()
    with joining(flights) as join:
        first = join(call)
        assert call.started.acquire(timeout=10)
        assert flights.run(2, lambda: 7) == Shared(7, joined=False)
        assert not first.done()
        call.end()


def test_a_failure_is_shared_and_the_next_caller_tries_again() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    failing = SlowCall(ValueError("broken"))
    with joining(flights) as join:
        first = join(failing)
        assert failing.started.acquire(timeout=10)
        others = [join(failing) for _ in range(3)]
        failing.end()
        for caller in (first, *others):
            assert isinstance(caller.exception(10), ValueError)
    assert failing.number == 1
    assert flights.run(1, lambda: 7) == Shared(7, joined=False)


def test_when_a_leading_caller_is_killed_another_one_makes_the_call() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    killed = SlowCall(SystemExit())
    with joining(flights) as join:
        first = join(killed)
        assert killed.started.acquire(timeout=10)
        others = [join(lambda: 7) for _ in range(3)]
        killed.end()
        assert isinstance(first.exception(10), SystemExit)
        assert [other.result(10).result for other in others] == [7] * 3


def test_a_caller_with_a_limit_makes_its_own_call_after_it() -> None:
    flights: SingleFlight[int, int] = SingleFlight()
    call = SlowCall()
    with joining(flights) as join:
        first = join(call)
        assert call.started.acquire(timeout=10)
        begun = time.monotonic()
        assert flights.run(1, lambda: 7, 0.1) == Shared(7, joined=False)
        assert 0.1 <= time.monotonic() - begun < 5
        # Its own call is not joined: a new caller still waits for the first one.
        late = join(lambda: 8)
        call.end()
        assert first.result(10) == Shared(1, joined=False)
        await_true(late.done, 10)


GREENLETS = """
from gevent import monkey
monkey.patch_all()
import gevent
from app.concurrency import single_flight
from app.concurrency.single_flight import SingleFlight
flights, calls = SingleFlight(), []
def call():
    calls.append(1)
    gevent.sleep(0.1)
    return 7
jobs = [gevent.spawn(flights.run, "key", call) for _ in range(50)]
gevent.joinall(jobs, raise_error=True)
assert [job.value.result for job in jobs] == [7] * 50
assert len(calls) == 1, calls
"""


@pytest.mark.slow
def test_greenlets_of_a_patched_process_share_a_call() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
