"""Which requests of a worker are answered in one batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import pytest

from app.server.scoring_batches import STALLED_SECONDS, Requests, ScoringBatches
from tests.support.waiting import await_true

THREADS, MAX_SIZE = 2, 4


class Connections:
    """Runs batches of connections, which are numbers here, and records the results."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.finished: list[tuple[int, Any]] = []
        self.failures: list[BaseException] = []
        self.repeats: list[int] = []
        self.locked: list[int] = []
        """Connections whose requests wait for a lock until a batch has taken further requests."""
        self.may_run = threading.Event()
        self.may_run.set()
        self.batches = ScoringBatches(
            self.run_batch,
            MAX_SIZE,
            THREADS,
            answer=self.answer,
            has_next=self.has_next,
            finish=self.finish,
            on_failure=self.failures.append,
        )

    def run_batch(self, requests: Requests, take_more: Callable[[float], Requests]) -> None:
        self.sizes.append(len(requests))
        assert self.may_run.wait(10)
        if len(requests) == 3:
            raise RuntimeError("the whole batch")
        waiting: list[Callable[[], object]] = []
        while requests or waiting:
            for request in requests:
                if self.connection_of(request) in self.locked:
                    waiting.append(request)
                else:
                    request()
            requests = take_more(0.05) if waiting else ()
            if requests:
                self.sizes.append(len(requests))
            elif not self.locked:
                requests, waiting = waiting, []

    @staticmethod
    def connection_of(request: Any) -> int:
        found: int = request.args[0]
        return found

    def answer(self, conn: int) -> bool:
        if conn == 13:
            raise SystemExit("only this request")
        return True

    def has_next(self, conn: int) -> bool:
        if conn not in self.repeats:
            return False
        self.repeats.remove(conn)
        return True

    def finish(self, answered: Sequence[tuple[int, Future[Any]]]) -> None:
        self.finished += [(conn, type(future.exception())) for conn, future in answered]

    def numbers(self) -> list[int]:
        return [conn for conn, _ in self.finished]


@pytest.fixture
def connections() -> Iterator[Connections]:
    """Connections whose batches are released at the end of the test."""
    made = Connections()
    yield made
    made.may_run.set()


def test_requests_of_one_turn_of_the_event_loop_are_one_batch(connections: Connections) -> None:
    connections.batches.start_collecting()
    for conn in (1, 2):
        connections.batches.add(conn)
    assert connections.sizes == []
    connections.batches.collect()
    await_true(lambda: connections.numbers() == [1, 2], 5)
    assert connections.sizes == [2]


def test_requests_that_arrive_during_a_batch_form_the_next_batches(
    connections: Connections,
) -> None:
    connections.may_run.clear()
    connections.batches.add(1)
    await_true(lambda: connections.sizes == [1], 5)
    for conn in range(2, 8):
        connections.batches.start_collecting()
        connections.batches.add(conn)
    connections.may_run.set()
    await_true(lambda: len(connections.finished) == 7, 5)
    assert connections.sizes == [1, MAX_SIZE, 2]


def test_a_second_thread_starts_only_while_the_first_is_stalled(connections: Connections) -> None:
    connections.may_run.clear()
    connections.batches.add(1)
    await_true(lambda: connections.sizes == [1], 5)
    assert connections.batches.limit_wait(1.0) == 1.0
    connections.batches.start_collecting()
    connections.batches.add(2)
    assert connections.batches.limit_wait(1.0) == STALLED_SECONDS

    def stalled() -> bool:
        connections.batches.collect()
        return connections.sizes == [1, 1]

    await_true(stalled, 5)


def test_a_client_that_has_sent_its_next_request_is_in_the_next_batch(
    connections: Connections,
) -> None:
    connections.repeats = [1, 1]
    connections.batches.add(1)
    await_true(lambda: connections.numbers() == [1], 5)
    assert connections.sizes == [1, 1, 1]


def test_requests_join_a_batch_that_waits_for_a_lock_and_are_answered_before_it_ends(
    connections: Connections,
) -> None:
    connections.locked = [1]
    for conn in (1, 2, 3, 4):
        connections.batches.add(conn)
        await_true(lambda: sum(connections.sizes) == conn, 5)  # noqa: B023
    await_true(lambda: sorted(connections.numbers()) == [2, 3, 4], 5)
    connections.locked = []
    await_true(lambda: connections.numbers()[3:] == [1], 5)
    # The thread ends when no request is left, and the next request starts another.
    connections.batches.add(5)
    await_true(lambda: connections.numbers()[3:] == [1, 5], 5)


def test_a_request_that_fails_does_not_affect_the_others(connections: Connections) -> None:
    connections.batches.start_collecting()
    for conn in (1, 13):
        connections.batches.add(conn)
    connections.batches.collect()
    await_true(lambda: len(connections.finished) == 2, 5)
    assert connections.finished == [(1, type(None)), (13, SystemExit)]
    assert connections.failures == []


def test_a_batch_that_fails_as_a_whole_is_reported(connections: Connections) -> None:
    connections.batches.start_collecting()
    for conn in (1, 2, 3):
        connections.batches.add(conn)
    connections.batches.collect()
    await_true(lambda: bool(connections.failures), 5)
    assert [str(failure) for failure in connections.failures] == ["the whole batch"]
    assert connections.finished == []
