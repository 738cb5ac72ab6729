"""Which calls a circuit breaker allows to a server that did not answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest

from app.concurrency import circuit_breaker
from app.concurrency.circuit_breaker import (
    LONG_WAIT_SECONDS,
    RECENT_SECONDS,
    CircuitBreaker,
    ThreadWaits,
)
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

LONG_BREAK_SECONDS = 1.5
"""Long enough for all calls of a test on a busy machine."""


def breaker_being_probed(break_seconds: float = 0.01) -> CircuitBreaker:
    """An open breaker of which the calling thread has just become the prober."""
    breaker = CircuitBreaker(break_seconds)
    breaker.trip()
    time.sleep(break_seconds)
    await_true(breaker.allows_call, 5)
    return breaker


def test_every_call_is_allowed_until_the_server_fails_and_again_when_it_is_back() -> None:
    breaker = CircuitBreaker()
    assert breaker.allows_call()
    breaker.trip()
    assert breaker.is_open
    assert not breaker.allows_call()
    breaker.close()
    assert breaker.allows_call()
    assert not breaker.is_open


def test_no_caller_probes_right_after_a_failure_and_later_one_of_many_does() -> None:
    breaker = CircuitBreaker(LONG_BREAK_SECONDS)
    begun = time.monotonic()
    breaker.trip()
    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(lambda _: breaker.allows_call(), range(20)))
    await_true(breaker.allows_call, 5)
    assert time.monotonic() - begun >= LONG_BREAK_SECONDS
    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(lambda _: breaker.allows_call(), range(20)))


@pytest.mark.parametrize("answers", [True, False])
def test_callers_wait_for_the_result_of_a_probe_that_has_just_started(answers: bool) -> None:
    # The break is long enough that no other caller becomes the next prober.
    breaker = breaker_being_probed(LONG_BREAK_SECONDS)
    allowed: list[bool] = []
    others = [
        threading.Thread(target=lambda: allowed.append(breaker.allows_call())) for _ in range(5)
    ]
    # As if all callers had come at once, also on a busy machine.
    with patch.object(circuit_breaker, "PROBE_WAIT_SECONDS", LONG_BREAK_SECONDS):
        for other in others:
            other.start()
        (breaker.close if answers else breaker.trip)()
        for other in others:
            other.join(5)
    assert allowed == [answers] * 5


def test_no_caller_waits_long_for_a_probe_that_gets_no_answer() -> None:
    wait_seconds = 0.8
    with patch.object(circuit_breaker, "PROBE_WAIT_SECONDS", wait_seconds):
        begun = time.monotonic()
        breaker = breaker_being_probed()
        assert not breaker.allows_call()
        assert wait_seconds < time.monotonic() - begun < wait_seconds + 1
        begun = time.monotonic()
        assert not breaker.allows_call()
        assert time.monotonic() - begun < wait_seconds / 2


def test_a_probe_that_fails_in_another_way_is_followed_by_the_next_one() -> None:
    breaker = breaker_being_probed()
    breaker.fail_probe()
    await_true(breaker.allows_call, 1)
    breaker.close()
    breaker.fail_probe()
    assert not breaker.is_open


def test_a_thread_that_waited_for_one_server_does_not_wait_for_another_one() -> None:
    waits = ThreadWaits()
    frozen, other = (CircuitBreaker(LONG_BREAK_SECONDS, waits) for _ in range(2))
    frozen.trip(LONG_WAIT_SECONDS * 2)
    assert not other.allows_call()
    assert not other.is_open
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(other.allows_call).result(5)
        assert not pool.submit(frozen.allows_call).result(5)
    await_true(other.allows_call, 5)


def test_a_server_that_refuses_at_once_closes_no_other_server_to_the_thread() -> None:
    waits = ThreadWaits()
    down, other = CircuitBreaker(thread_waits=waits), CircuitBreaker(thread_waits=waits)
    down.trip(LONG_WAIT_SECONDS / 2)
    assert not down.allows_call()
    assert other.allows_call()


def test_without_a_break_every_call_is_allowed() -> None:
    breaker = CircuitBreaker(0)
    breaker.trip(LONG_WAIT_SECONDS * 2)
    assert breaker.allows_call()


def test_a_refused_connection_opens_the_breaker_only_if_the_server_did_not_answer_of_late() -> None:
    breaker = CircuitBreaker(break_seconds=60)
    answered_at = time.monotonic()
    breaker.close()
    breaker.fail_connect()
    assert breaker.answered_since(answered_at)
    assert breaker.allows_call()
    await_true(lambda: time.monotonic() > answered_at + 1.1 * RECENT_SECONDS, 5)
    breaker.fail_connect()
    assert not breaker.allows_call()


def test_a_refused_connection_opens_the_breaker_if_the_others_are_closed() -> None:
    breaker = CircuitBreaker(break_seconds=60)
    breaker.close()
    breaker.forget_answers()
    breaker.fail_connect()
    assert breaker.is_open
    assert not breaker.answered_since(0)


def test_a_thread_knows_how_long_it_has_just_waited() -> None:
    waits = ThreadWaits()
    frozen = CircuitBreaker(LONG_BREAK_SECONDS, waits)
    assert waits.recent_seconds == 0
    frozen.trip(0.8)
    assert waits.recent_seconds == 0.8
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: waits.recent_seconds).result(5) == 0
    await_true(lambda: waits.recent_seconds == 0, 5)
