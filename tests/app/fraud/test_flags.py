"""A flag: halved limits, until the flag expires."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.contract import keys
from tests.app.fraud.attempts import (
    FINE,
    WARNED,
    Attempted,
    ask,
    burst,
    forge,
    row,
    spend,
    status,
    status_in_redis,
)
from tests.app.fraud.clock import SettableClock
from tests.app.fraud.conftest import RULE_1
from tests.support.players import Person
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


def test_the_flag_is_in_postgresql_and_in_redis(watched: Services) -> None:
    person = Person.register(watched)
    burst(person)
    assert (status(person), status_in_redis(person)) == ("flagged", "flagged")
    query = "SELECT extract(epoch FROM flagged_until - flagged_at)::int FROM users WHERE id = :id"
    assert row(watched, query, person.user_id)[0] == 3600


@pytest.mark.parametrize(("limit", "half"), [(12, 6), (5, 2), (1, 1)])
def test_a_flag_halves_the_limit_rounded_down_to_at_least_one(
    make_services: Callable[..., Services], limit: int, half: int
) -> None:
    services = make_services(**RULE_1, INCREMENT_LIMIT=f"{limit} per minute")
    person = Person.register(services)
    clock = SettableClock(services.redis)
    tokens = []
    for _ in range(half + 1):
        tokens.append(person.token())
        clock.advance(1_500)
    clock.set(clock.now - (half + 1) * 1_500)
    for _ in range(9):
        forge(person)
    clock.advance(1)
    answers = [spend(person, token).answer for token in tokens]
    assert answers == [*["ok"] * half, "limited"]


def test_attempts_before_the_flag_do_not_count_to_the_halved_limit(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="20 per minute")
    person = Person.register(services)
    clock = SettableClock(services.redis)
    # The nine attempts before the flag would leave one of ten.
    burst(person)
    clock.advance(1)
    for number in range(10):
        assert ask(person) == WARNED, number
        clock.advance(2_000)
    assert ask(person) == Attempted("limited", flagged=True)


def test_the_normal_limit_still_holds_for_a_flagged_player(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="10 per minute")
    person = Person.register(services)
    clock = SettableClock(services.redis)
    burst(person)
    clock.advance(1)
    # The normal limit leaves one attempt, although the halved one would leave five.
    assert [ask(person).answer for _ in range(2)] == ["ok", "limited"]


def test_a_flagged_player_sees_the_tighter_limit(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="40 per minute")
    person = Person.register(services)
    clock = SettableClock(services.redis)
    burst(person)
    clock.advance(1)
    rate_limit = services.scoring.issue_token(person.identity).rate_limit
    assert (rate_limit.limit, rate_limit.remaining) == (20, 19)


def test_the_flag_expires_at_its_time(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(3_599_999)
    assert ask(person) == WARNED
    clock.advance(1)
    assert ask(person) == FINE


def test_the_full_limit_holds_and_the_status_is_active_after_the_flag(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="12 per second", FRAUD_FLAG_SECONDS="1")
    person = Person.register(services)
    burst(person)
    assert status(person) == "flagged"
    await_true(lambda: not ask_flagged(person), 5)

    def expired() -> bool:
        services.reconciler.run_pass()
        return status(person) == "active"

    await_true(expired, 5)
    assert status_in_redis(person) == "active"
    clock = SettableClock(services.redis)
    clock.advance(20_000)
    assert [ask(person) for _ in range(8)] == [FINE] * 8


def ask_flagged(person: Person) -> bool:
    """Whether an answer carries the warning; the request is not left in Rule 1's window."""
    person.services.redis.delete(keys.attempts(person.user_id, "token"))
    return ask(person).flagged
