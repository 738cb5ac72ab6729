"""Rate limits of tokens and increments: each attempt is charged once, and no limit is exceeded."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.contract.errors import RateLimited, TokenUsed
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_a_limited_attempt_leaves_its_token_unspent(make_services: Callable[..., Services]) -> None:
    services = make_services(INCREMENT_LIMIT="2 per 2 seconds")
    person = Person.register(services)
    tokens = [person.token() for _ in range(3)]
    for token in tokens[:2]:
        services.scoring.increment(person.identity, token)
    with pytest.raises(RateLimited) as refusal:
        services.scoring.increment(person.identity, tokens[2])
    rate_limit = refusal.value.rate_limit
    assert (rate_limit.limit, rate_limit.remaining) == (2, 0)
    assert 1 <= rate_limit.retry_after <= 2
    time.sleep(rate_limit.retry_after)
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
    person = Person.register(services)
    person.token()
    person.token()
    with pytest.raises(RateLimited) as soon:
        person.token()
    assert soon.value.rate_limit.retry_after == 1
    time.sleep(1)
    person.token()
    with pytest.raises(RateLimited) as late:
        person.token()
    assert late.value.rate_limit.retry_after > 50


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
