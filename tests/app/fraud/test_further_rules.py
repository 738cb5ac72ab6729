"""The rules clockwork and crowd through scoring: off by default, and what makes them fire."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from app.contract import keys
from app.contract.errors import TokenUsed
from tests.app.fraud.attempts import (
    BANNED,
    FINE,
    WARNED,
    Attempted,
    actions,
    ask,
    burst,
    bursts,
    counted_events,
    events,
    forge,
    spend,
)
from tests.app.fraud.clock import SettableClock
from tests.app.fraud.conftest import RULE_1
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

CLOCKWORK = {"FRAUD_CLOCKWORK_VARIATION": "0.05"}
CROWD = {"FRAUD_CROWD_ACCOUNTS": "3"}


@pytest.fixture
def regular(make_services: Callable[..., Services]) -> Services:
    """Services with the clockwork rule on and Rule 1 out of reach."""
    return make_services(**CLOCKWORK)


@pytest.fixture
def crowd_rule_on(make_services: Callable[..., Services]) -> Services:
    """Services with the crowd rule on and Rule 1 out of reach."""
    return make_services(**CROWD)


@pytest.fixture
def regular_clock(regular: Services) -> SettableClock:
    """The clock of the services with the clockwork rule."""
    return SettableClock(regular.redis)


def ask_at(clock: SettableClock, person: Person, pauses: Sequence[float]) -> Attempted:
    """Ask for a token after each of these pauses in ms; the last answer."""
    for pause in pauses:
        clock.advance(round(pause))
        answer = ask(person)
    return answer


def test_no_attempt_times_are_kept_by_default(services: Services) -> None:
    person = Person.register(services)
    clock = SettableClock(services.redis)
    assert ask_at(clock, person, [12_000] * 40) == FINE
    assert events(person) == []
    assert not services.redis.exists(keys.attempt_times(person.user_id, "token"))


def test_twenty_attempts_at_regular_intervals_fire(
    regular: Services, regular_clock: SettableClock
) -> None:
    person = Person.register(regular)
    counted = counted_events("clockwork", "FLAG")
    assert ask_at(regular_clock, person, [12_000] * 19) == FINE
    assert ask_at(regular_clock, person, [12_000]) == WARNED
    (event,) = events(person)
    assert (event.rule, event.kind, event.action) == ("clockwork", "token", "FLAG")
    assert counted_events("clockwork", "FLAG") == counted + 1


def test_the_rule_judges_the_times_in_redis(
    regular: Services, regular_clock: SettableClock
) -> None:
    person = Person.register(regular)
    earlier = [regular_clock.now - number * 12_000 for number in range(1, 20)]
    regular.redis.rpush(keys.attempt_times(person.user_id, "token"), *earlier)
    assert ask(person) == WARNED
    (event,) = events(person)
    assert event.evidence == {
        "intervalsMs": [12_000] * 19,
        "variation": 0.0,
        "threshold": 0.05,
    }
    assert event.reason == (
        "The last 20 token requests came every 12.00 s with a variation of 0.0%, as a script's do"
    )


def test_a_script_with_one_percent_of_jitter_fires(
    regular: Services, regular_clock: SettableClock
) -> None:
    person, chance = Person.register(regular), random.Random(1)
    assert ask_at(regular_clock, person, [chance.gauss(12_000, 120) for _ in range(20)]) == WARNED


def test_a_human_does_not_fire(regular: Services, regular_clock: SettableClock) -> None:
    person, chance = Person.register(regular), random.Random(2)
    assert (
        ask_at(regular_clock, person, [chance.lognormvariate(9.2, 0.6) for _ in range(200)]) == FINE
    )
    assert events(person) == []


def test_an_irregular_pause_delays_the_finding(
    regular: Services, regular_clock: SettableClock
) -> None:
    person = Person.register(regular)
    assert ask_at(regular_clock, person, [*[12_000] * 10, 40_000, *[12_000] * 18]) == FINE
    assert ask_at(regular_clock, person, [12_000]) == WARNED


def test_the_intervals_of_each_kind_are_judged_separately(
    regular: Services, regular_clock: SettableClock
) -> None:
    person = Person.register(regular)
    for _ in range(19):
        ask(person)
        regular_clock.advance(1_000)
        forge(person)
        regular_clock.advance(1_000)
    assert events(person) == []
    assert ask(person) == WARNED
    for _ in range(25):
        regular_clock.advance(2_000)
        forge(person)
    first, second = events(person)
    assert (first.kind, second.kind) == ("token", "increment")
    assert second.evidence["intervalsMs"] == [2_000] * 19


def test_an_event_leaves_a_gap_for_the_other_rules_too(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, **CLOCKWORK)
    person, clock = Person.register(services), SettableClock(services.redis)
    ask_at(clock, person, [1_300] * 20)
    assert burst(person) == WARNED
    assert [event.rule for event in events(person)] == ["clockwork"]
    assert bursts(person, clock, 1) == [WARNED]
    assert [event.rule for event in events(person)] == ["clockwork", "rapid_requests"]


def test_a_repeated_token_adds_no_attempt_time(regular: Services) -> None:
    person = Person.register(regular)
    token = person.token()
    spend(person, token)
    for _ in range(20):
        with pytest.raises(TokenUsed):
            regular.scoring.increment(person.identity, token)
    assert regular.redis.llen(keys.attempt_times(person.user_id, "increment")) == 1


def test_the_times_are_cleared_after_an_event(
    regular: Services, regular_clock: SettableClock
) -> None:
    person = Person.register(regular)
    ask_at(regular_clock, person, [12_000] * 39)
    assert actions(person) == ["FLAG"]
    ask_at(regular_clock, person, [12_000])
    assert actions(person) == ["FLAG", "FLAG"]
    assert ask_at(regular_clock, person, [12_000] * 20) == BANNED


def test_any_number_of_accounts_may_share_an_address_by_default(services: Services) -> None:
    people = [Person.register(services) for _ in range(6)]
    assert [ask(person, "192.0.2.1") for person in people] == [FINE] * 6
    assert not services.redis.exists(keys.address_activity("192.0.2.1"))


def test_the_fourth_account_of_an_address_fires(crowd_rule_on: Services) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(4)]
    assert [ask(person, "192.0.2.1") for person in people] == [FINE, FINE, FINE, WARNED]
    (event,) = events(people[3])
    assert (event.rule, event.kind, event.action) == ("crowd", "token", "FLAG")
    assert event.reason == "4 accounts acted from one address within 60 s, where 3 are allowed"
    assert [events(person) for person in people[:3]] == [[], [], []]


def test_each_address_is_counted_separately(crowd_rule_on: Services) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(8)]
    addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"] * 2
    answers = [ask(*each) for each in zip(people, addresses, strict=True)]
    assert answers == [FINE] * 8


def test_an_account_counts_once_whatever_the_number_of_attempts(crowd_rule_on: Services) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(3)]
    for _ in range(5):
        assert [ask(person, "192.0.2.1") for person in people] == [FINE] * 3


def test_token_requests_and_increments_are_counted_together(crowd_rule_on: Services) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(4)]
    token = people[3].token()
    for person in people[:3]:
        ask(person, "192.0.2.1")
    assert spend(people[3], token, "192.0.2.1") == WARNED


def test_an_account_that_acted_a_minute_ago_does_not_count(crowd_rule_on: Services) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(4)]
    for person in people[:3]:
        ask(person, "192.0.2.1")
    crowd_rule_on.redis.zincrby(keys.address_activity("192.0.2.1"), -60_000, people[0].user_id)
    assert ask(people[3], "192.0.2.1") == FINE


def test_the_minute_of_the_next_event_of_a_shared_address_begins_a_window_after_the_last_event(
    crowd_rule_on: Services,
) -> None:
    people = [Person.register(crowd_rule_on) for _ in range(4)]
    clock = SettableClock(crowd_rule_on.redis)
    for person in people:
        ask(person, "192.0.2.1")
    for _ in range(13):
        clock.advance(5_000)
        for person in people[:3]:
            ask(person, "192.0.2.1")
        assert ask(people[3], "192.0.2.1") == WARNED
        spend(people[3], "not a token", "192.0.2.1")
    assert actions(people[3]) == ["FLAG"]
    clock.advance(5_000)
    ask(people[3], "192.0.2.1")
    assert actions(people[3]) == ["FLAG", "FLAG"]
