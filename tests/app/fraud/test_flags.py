"""A flag: halved limits and a warning, which end by themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.composition import Services
from app.contract import keys
from tests.app.fraud.attempting import (
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
from tests.app.fraud.clock import SetClock
from tests.app.fraud.conftest import RULE_1
from tests.app.people import Person
from tests.awaiting import await_true

pytestmark = pytest.mark.slow


def test_the_flag_is_in_postgresql_and_status_in_redis(watched: Services) -> None:
    person = Person.register(watched)
    burst(person)
    assert (status(person), status_in_redis(person)) == ("flagged", "flagged")
    query = "SELECT extract(epoch FROM flagged_until - flagged_at)::int FROM users WHERE id = :id"
    assert row(watched, query, person.user_id)[0] == 3600


def test_everything_a_flagged_player_does_is_answered_with_the_warning(
    watched: Services, clock: SetClock
) -> None:
    person = Person.register(watched)
    token = person.token()
    burst(person)
    clock.advance(60_000)
    assert ask(person) == WARNED
    assert spend(person, token) == WARNED


def test_the_warning_comes_with_a_refusal_over_the_limit_too(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="2 per minute")
    person = Person.register(services)
    answers = [ask(person) for _ in range(9)]
    assert answers == [
        *[FINE] * 2,
        *[Attempted("limited")] * 6,
        Attempted("limited", flagged=True),
    ]
    assert ask(person) == Attempted("limited", flagged=True)


@pytest.mark.parametrize(("limit", "half"), [(12, 6), (5, 2), (1, 1)])
def test_a_flag_halves_the_limit_rounded_down_but_leaves_one(
    make_services: Callable[..., Services], limit: int, half: int
) -> None:
    services = make_services(**RULE_1, INCREMENT_LIMIT=f"{limit} per minute")
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
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


def test_the_halved_limit_counts_from_the_flag_on(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="20 per minute")
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
    # Nine before the flag would leave one of ten; they are not counted against it.
    burst(person)
    clock.advance(1)
    for number in range(10):
        assert ask(person) == WARNED, number
        clock.advance(2_000)
    assert ask(person) == Attempted("limited", flagged=True)


def test_the_normal_limit_holds_beside_the_halved_one(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="10 per minute")
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
    burst(person)
    clock.advance(1)
    # Nine of ten are gone, though five are allowed from the flag on.
    assert [ask(person).answer for _ in range(2)] == ["ok", "limited"]


def test_a_flagged_player_is_told_the_tighter_allowance(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="40 per minute")
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
    burst(person)
    clock.advance(1)
    allowance = services.scoring.issue_token(person.identity).allowance
    assert (allowance.limit, allowance.remaining) == (20, 19)


def test_the_flag_ends_by_itself_at_its_time(watched: Services, clock: SetClock) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(3_599_999)
    assert ask(person) == WARNED
    clock.advance(1)
    assert ask(person) == FINE


def test_the_full_limit_is_back_and_the_status_active_after_the_flag(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="12 per second", FRAUD_FLAG_SECONDS="1")
    person = Person.register(services)
    burst(person)
    assert status(person) == "flagged"
    await_true(lambda: not ask_flagged(person), 5)

    def over() -> bool:
        services.index_keeper.keep()
        return status(person) == "active"

    await_true(over, 5)
    assert status_in_redis(person) == "active"
    clock = SetClock(services.redis, services.scoring._admission)
    clock.advance(20_000)
    assert [ask(person) for _ in range(8)] == [FINE] * 8


def ask_flagged(person: Person) -> bool:
    """Whether the player is still warned, asked without adding to Rule 1's window."""
    person.services.redis.delete(keys.attempts(person.user_id, "token"))
    return ask(person).flagged
