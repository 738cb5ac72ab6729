"""Batches: which calls the requests make together, and which answer each one gets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from threading import Thread

import pytest

from app.concurrency.batching import (
    MAX_RETRY_SECONDS,
    RETRY_LATER,
    Answers,
    BatchedCall,
    RetryLater,
    one_by_one,
    run_batch,
)


class Server:
    """Records the calls that reach it, with their arguments."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.locked: dict[int, int] = {}
        """How many more calls find the lock that a number needs held."""

    def call(self, name: str) -> BatchedCall[int, int]:
        """A batched call that doubles each number, except those below."""

        def together(numbers: Sequence[int]) -> Answers[int]:
            self.calls.append((name, list(numbers)))
            if 666 in numbers:
                raise ConnectionError("gone")
            return [self._answer(number) for number in numbers]

        return BatchedCall(together, lock_error=lambda: ValueError("locked"))

    def _answer(self, number: int) -> int | Exception | RetryLater:
        if number == 13:
            return ValueError("unlucky")
        if self.locked.get(number, 0):
            self.locked[number] -= 1
            return RETRY_LATER
        return number * 2


def run(*requests: Callable[[], object], then: Sequence[Callable[[], object]] = ()) -> list[object]:
    """What each request returned or raised, in the order in which they ended.

    The requests of `then` join the batch, one each time that the batch asks for more.
    """
    ended: list[object] = []
    further = list(then)

    def record(request: Callable[[], object]) -> None:
        try:
            ended.append(request())
        except (ValueError, ConnectionError) as error:
            ended.append(error)

    def take_more(seconds: float) -> Sequence[Callable[[], object]]:
        if further:
            return [partial(record, further.pop(0))]
        time.sleep(seconds)
        return ()

    run_batch([partial(record, request) for request in requests], take_more)
    return ended


def test_each_step_is_one_call_and_each_request_gets_its_own_answer() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    assert run(*(partial(lambda n: second(first(n) + 1), n) for n in (1, 2, 3))) == [6, 10, 14]
    assert server.calls == [("first", [1, 2, 3]), ("second", [3, 5, 7])]


def test_outside_a_batch_a_call_is_made_alone() -> None:
    server = Server()
    call = server.call("call")
    assert call(21) == 42
    with pytest.raises(ValueError, match="unlucky"):
        call(13)
    assert server.calls == [("call", [21]), ("call", [13])]


def test_requests_with_different_calls_do_not_wait_for_each_other() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    requests = [lambda: second(first(1)), lambda: second(5), lambda: first(7), lambda: "no call"]
    assert run(*requests) == ["no call", 14, 10, 4]
    assert server.calls == [("first", [1, 7]), ("second", [5, 2])]


def test_an_error_of_one_request_does_not_reach_the_others() -> None:
    server = Server()
    call = server.call("call")
    *fine, failed = run(lambda: call(13), lambda: call(1), lambda: call(2))[::-1]
    assert (fine, type(failed)) == ([4, 2], ValueError)


def test_a_failed_call_fails_for_each_of_its_requests_only() -> None:
    server = Server()
    call, other = server.call("call"), server.call("other")
    other_call, *failed = run(lambda: other(1), lambda: call(666), lambda: call(2))
    assert other_call == 2
    assert [type(each) for each in failed] == [ConnectionError] * 2


def test_a_call_that_needs_a_held_lock_is_made_again_and_delays_no_other_request() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    server.locked = {5: 1, 6: 2}
    requests = [partial(lambda n: second(first(n)), n) for n in (5, 1, 6, 2)]
    assert run(*requests) == [4, 8, 20, 24]
    assert server.calls == [
        ("first", [5, 1, 6, 2]),
        ("second", [2, 4]),
        ("first", [5, 6]),
        ("second", [10]),
        ("first", [6]),
        ("second", [12]),
    ]


def test_later_requests_join_a_batch_that_waits_for_a_lock() -> None:
    server = Server()
    first, second = server.call("first"), server.call("second")
    server.locked = {6: 2}
    later = [lambda: second(first(1)), lambda: first(2)]
    assert run(lambda: second(5), lambda: first(6), then=later) == [10, 4, 4, 12]
    assert server.calls == [
        ("second", [5]),
        ("first", [6]),
        ("first", [1, 6]),
        ("second", [2]),
        ("first", [2, 6]),
    ]


@pytest.mark.slow
def test_a_lock_that_stays_held_fails_its_requests_together_and_in_time() -> None:
    server = Server()
    call = server.call("call")
    server.locked = dict.fromkeys(range(100, 120), 1_000_000)
    begun = time.monotonic()
    fine, *failed = run(*(partial(call, number) for number in (*range(100, 120), 1)))
    assert fine == 2
    assert [str(error) for error in failed] == ["locked"] * 20
    assert MAX_RETRY_SECONDS <= time.monotonic() - begun < 2 * MAX_RETRY_SECONDS


def test_calls_made_one_by_one_fail_only_for_their_own_request() -> None:
    def half(number: int) -> int:
        if number % 2:
            raise ValueError("odd")
        return number // 2

    call = BatchedCall(one_by_one(half))
    odd, *even = run(lambda: call(4), lambda: call(3), lambda: call(8))[::-1]
    assert sorted(map(str, (odd, *even))) == ["2", "4", "odd"]


def test_outside_a_batch_a_call_may_wait_for_a_lock() -> None:
    def negative(number: int) -> int:
        return -number

    call = BatchedCall(one_by_one(abs), alone=negative)
    assert call(3) == -3
    assert run(lambda: call(3)) == [3]


def test_each_request_has_its_own_context_variables() -> None:
    call = Server().call("call")
    name = ContextVar("name", default="none")

    def request(own_name: str) -> str:
        before = name.get()
        name.set(own_name)
        call(1)
        return f"{before} {name.get()}"

    assert run(partial(request, "a"), partial(request, "b")) == ["none a", "none b"]
    assert name.get() == "none"


def test_batches_of_different_threads_do_not_mix() -> None:
    server = Server()
    call = server.call("call")
    threads = [Thread(target=run, args=[partial(call, n), partial(call, n)]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.calls) == [("call", [n, n]) for n in range(8)]
