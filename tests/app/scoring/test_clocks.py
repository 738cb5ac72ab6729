"""Tokens, limits and fraud rules after Redis' clock was set back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from app.contract.errors import RateLimited, TokenExpired, TokenUsed
from app.fraud.address_activity import AddressActivity
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.support.players import Person
from tests.support.services import Services

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _clock_can_be_set() -> Iterator[None]:
    with settable_clock():
        yield


def test_a_counted_token_stays_used_after_redis_clock_was_set_back(services: Services) -> None:
    person, clock = Person.register(services), SettableClock(services.redis)
    token = person.token()
    first = services.scoring.increment(person.identity, token).outcome
    for back_ms in (5_000, 65_000, HOUR_MS, 24 * HOUR_MS):
        clock.advance(-back_ms)
        with pytest.raises(TokenUsed) as refusal:
            services.scoring.increment(person.identity, token)
        assert refusal.value.details == first.as_json()


def test_a_token_from_before_redis_clock_was_set_back_counts_once(services: Services) -> None:
    person, clock = Person.register(services), SettableClock(services.redis)
    token = person.token()
    clock.advance(-HOUR_MS)
    assert services.scoring.increment(person.identity, token).outcome.score == 1
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)


def test_a_used_up_limit_is_free_again_after_redis_clock_was_set_back(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(TOKEN_LIMIT="2 per minute")
    person, clock = Person.register(services), SettableClock(services.redis)
    for _ in range(2):
        person.token()
    with pytest.raises(RateLimited):
        person.token()
    clock.advance(-HOUR_MS)
    for _ in range(2):
        person.token()
    with pytest.raises(RateLimited):
        person.token()


def test_a_clock_that_was_set_back_flags_no_player(make_services: Callable[..., Services]) -> None:
    services = make_services(FRAUD_RAPID_MAX="8", FRAUD_RAPID_SECONDS="10")
    person, clock = Person.register(services), SettableClock(services.redis)
    for _ in range(3):
        for _ in range(5):
            assert not services.scoring.issue_token(person.identity).flagged
        clock.advance(-HOUR_MS)


def test_users_from_before_redis_clock_was_set_back_are_not_counted_for_an_address(
    services: Services,
) -> None:
    activity, clock = AddressActivity(services.redis), SettableClock(services.redis)
    assert [activity.record("192.0.2.1", user) for user in ("ada", "ben")] == [1, 2]
    clock.advance(-HOUR_MS)
    assert activity.record("192.0.2.1", "eve") == 1


def test_while_redis_clock_is_behind_by_a_tokens_life_new_tokens_have_expired(
    services: Services,
) -> None:
    """docs/operations.md tells operators so: PostgreSQL alone judges the age of a token."""
    person, clock = Person.register(services), SettableClock(services.redis)
    clock.advance(-services.settings.action_token_seconds * 1000 - 1)
    with pytest.raises(TokenExpired):
        person.score()
    clock.set(int(time.time() * 1000) - 30_000)
    assert person.score().score == 1
