"""Who is let through to a server that did not answer."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from app.stores.circuit_breaker import BREAK_SECONDS, PATIENCE_SECONDS, CircuitBreaker
from tests.awaiting import await_true


def tripped() -> CircuitBreaker:
    """A breaker that was tripped just long enough ago for somebody to look again."""
    breaker = CircuitBreaker(0.01)
    breaker.trip()
    time.sleep(0.02)
    return breaker


def test_everybody_is_let_through_until_the_server_fails_and_when_it_is_back() -> None:
    breaker = CircuitBreaker()
    assert breaker.lets_through()
    breaker.trip()
    assert not breaker.lets_through()
    breaker.close()
    assert breaker.lets_through()


def test_nobody_looks_again_at_once_and_then_one_of_many() -> None:
    breaker = CircuitBreaker()
    breaker.trip()
    begun = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(lambda _: breaker.lets_through(), range(20)))
    await_true(breaker.lets_through, 5)
    assert time.monotonic() - begun >= BREAK_SECONDS
    with ThreadPoolExecutor(20) as pool:
        assert not any(pool.map(lambda _: breaker.lets_through(), range(20)))


def test_who_comes_while_one_has_just_begun_to_look_waits_for_its_word() -> None:
    for word in (True, False):
        breaker = tripped()
        assert breaker.lets_through()
        answers: list[bool] = []
        others = [
            threading.Thread(target=lambda: answers.append(breaker.lets_through()))  # noqa: B023
            for _ in range(5)
        ]
        for other in others:
            other.start()
        # A real break, so that none of them is the next to look.
        breaker._break_seconds = 60
        (breaker.close if word else breaker.trip)()
        for other in others:
            other.join(5)
        assert answers == [word] * 5


def test_nobody_waits_long_for_a_look_that_gets_no_answer() -> None:
    breaker = tripped()
    assert breaker.lets_through()
    begun = time.monotonic()
    assert not breaker.lets_through()
    assert PATIENCE_SECONDS * 0.5 < time.monotonic() - begun < PATIENCE_SECONDS + 0.5
    begun = time.monotonic()
    assert not breaker.lets_through()
    assert time.monotonic() - begun < PATIENCE_SECONDS * 0.5
