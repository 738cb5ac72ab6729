"""Repeats of used and expired tokens: bounded for each user, before PostgreSQL is asked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest

from app.contract.errors import DatabaseUnavailable, DomainError, RateLimited, TokenUsed
from app.ledger.action_ledger import ActionLedger
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

REPEATS, WINDOW_MS = 20, 10_000
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _clock_can_be_set() -> Iterator[None]:
    with settable_clock():
        yield


@pytest.fixture
def clock(services: Services) -> SettableClock:
    return SettableClock(services.redis)


def used_token(person: Person) -> str:
    token = person.token()
    person.services.scoring.increment(person.identity, token)
    return token


def spend(person: Person, token: str) -> str:
    """The code of the answer."""
    try:
        person.services.scoring.increment(person.identity, token)
    except DomainError as refusal:
        return refusal.code
    return "counted"


def refusal_of(person: Person, token: str) -> RateLimited:
    """The refusal of a repeat over the limit, for which PostgreSQL was not asked."""
    with (
        patch.object(ActionLedger, "record", side_effect=AssertionError),
        pytest.raises(RateLimited) as refusal,
    ):
        person.services.scoring.increment(person.identity, token)
    return refusal.value


def test_a_used_token_is_answered_20_times_in_10_s_and_then_limited(
    services: Services, clock: SettableClock
) -> None:
    person = Person.register(services)
    token, began = used_token(person), clock.now
    for _ in range(REPEATS):
        assert spend(person, token) == "TOKEN_USED"
        clock.advance(100)
    rate_limit = refusal_of(person, token).rate_limit
    assert (rate_limit.limit, rate_limit.remaining, rate_limit.retry_after) == (20, 0, 8)
    assert rate_limit.reset_at == -(-(began + WINDOW_MS) // 1000)
    clock.set(began + WINDOW_MS - 1)
    assert spend(person, token) == "RATE_LIMITED"
    clock.set(began + WINDOW_MS)
    assert [spend(person, token) for _ in range(2)] == ["TOKEN_USED", "RATE_LIMITED"]


def test_an_expired_token_is_answered_20_times_in_10_s_and_then_limited(
    services: Services, clock: SettableClock
) -> None:
    person = Person.register(services)
    token = person.aged_token(HOUR_MS)
    assert [spend(person, token) for _ in range(REPEATS)] == ["TOKEN_EXPIRED"] * REPEATS
    assert refusal_of(person, token).rate_limit.retry_after == WINDOW_MS // 1000


def test_repeats_of_several_tokens_count_together(services: Services, clock: SettableClock) -> None:
    person = Person.register(services)
    tokens = [used_token(person), used_token(person), person.aged_token(HOUR_MS)]
    answers = [spend(person, tokens[number % 3]) for number in range(REPEATS)]
    assert set(answers) == {"TOKEN_USED", "TOKEN_EXPIRED"}
    for token in [*tokens, person.aged_token(HOUR_MS)]:
        refusal_of(person, token)


def test_refused_repeats_do_not_prolong_the_limit(services: Services, clock: SettableClock) -> None:
    person = Person.register(services)
    token = used_token(person)
    for _ in range(9 * REPEATS):
        spend(person, token)
        clock.advance(50)
    clock.advance(WINDOW_MS - 9 * REPEATS * 50)
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert refusal.value.details is not None
    assert refusal.value.details["newScore"] == 1


def test_parallel_repeats_do_not_exceed_the_limit(services: Services, clock: SettableClock) -> None:
    person = Person.register(services)
    token = used_token(person)
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: spend(person, token), range(100)))
    assert answers.count("TOKEN_USED") == REPEATS
    assert answers.count("RATE_LIMITED") == 100 - REPEATS


def test_limited_repeats_stop_neither_new_points_nor_other_players(
    services: Services, clock: SettableClock
) -> None:
    person, other = Person.register(services), Person.register(services)
    token, others_token = used_token(person), used_token(other)
    for _ in range(REPEATS):
        spend(person, token)
    refusal_of(person, token)
    assert spend(person, person.token()) == "counted"
    assert spend(other, others_token) == "TOKEN_USED"


def test_repeats_before_redis_clock_was_set_back_do_not_count(
    services: Services, clock: SettableClock
) -> None:
    person = Person.register(services)
    token = used_token(person)
    for _ in range(REPEATS):
        spend(person, token)
    refusal_of(person, token)
    clock.advance(-HOUR_MS)
    assert [spend(person, token) for _ in range(REPEATS)] == ["TOKEN_USED"] * REPEATS
    refusal_of(person, token)


def test_a_client_that_repeats_while_postgresql_fails_is_not_limited(
    services: Services, clock: SettableClock
) -> None:
    person = Person.register(services)
    token = used_token(person)
    with patch.object(ActionLedger, "record", side_effect=DatabaseUnavailable):
        assert {spend(person, token) for _ in range(3 * REPEATS)} == {"DB_ERROR"}
    assert [spend(person, token) for _ in range(REPEATS)] == ["TOKEN_USED"] * REPEATS
    refusal_of(person, token)
