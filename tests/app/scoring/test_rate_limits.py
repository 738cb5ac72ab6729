"""Rate limits of tokens and increments: each attempt is charged once, and no limit is exceeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.contract.errors import RateLimited, TokenUsed
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _clock_can_be_set() -> Iterator[None]:
    with settable_clock():
        yield


def test_a_limited_attempt_leaves_its_token_unspent(make_services: Callable[..., Services]) -> None:
    services = make_services(INCREMENT_LIMIT="2 per 2 seconds")
    person, clock = Person.register(services), SettableClock(services.redis)
    tokens = [person.token() for _ in range(3)]
    for token in tokens[:2]:
        services.scoring.increment(person.identity, token)
    with pytest.raises(RateLimited) as refusal:
        services.scoring.increment(person.identity, tokens[2])
    rate_limit = refusal.value.rate_limit
    assert (rate_limit.limit, rate_limit.remaining) == (2, 0)
    assert rate_limit.retry_after == 2
    clock.advance(2_000)
    assert services.scoring.increment(person.identity, tokens[2]).outcome.score == 3


def test_a_repeated_token_is_charged_once(make_services: Callable[..., Services]) -> None:
    services = make_services(INCREMENT_LIMIT="2 per minute")
    person = Person.register(services)
    first, second, third = (person.token() for _ in range(3))
    services.scoring.increment(person.identity, first)
    for _ in range(5):
        with pytest.raises(TokenUsed):
            services.scoring.increment(person.identity, first)
    assert services.scoring.increment(person.identity, second).rate_limit.remaining == 0
    with pytest.raises(RateLimited):
        services.scoring.increment(person.identity, third)


def test_every_limit_of_several_holds(make_services: Callable[..., Services]) -> None:
    services = make_services(TOKEN_LIMIT="2 per second;3 per minute")
    person, clock = Person.register(services), SettableClock(services.redis)
    person.token()
    person.token()
    with pytest.raises(RateLimited) as soon:
        person.token()
    assert soon.value.rate_limit.retry_after == 1
    clock.advance(1_000)
    person.token()
    with pytest.raises(RateLimited) as late:
        person.token()
    assert late.value.rate_limit.retry_after == 59


def test_parallel_requests_of_one_user_do_not_exceed_the_limit(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(TOKEN_LIMIT="7 per minute")
    person = Person.register(services)

    def ask(_: int) -> bool:
        try:
            person.token()
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(ask, range(60))) == 7
