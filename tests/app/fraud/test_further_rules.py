"""Clockwork and crowd through scoring: off unless set, and whom they catch when they are on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from app.composition import Services
from app.contract import keys
from app.contract.errors import TokenUsed
from tests.app.fraud.attempting import (
    BANNED,
    FINE,
    WARNED,
    Attempted,
    actions,
    ask,
    counted_events,
    events,
    forge,
    spend,
)
from tests.app.fraud.clock import SetClock
from tests.app.people import Person

pytestmark = pytest.mark.slow

CLOCKWORK = {"FRAUD_CLOCKWORK_VARIATION": "0.05"}
CROWD = {"FRAUD_CROWD_ACCOUNTS": "3"}


@pytest.fixture
def rhythmic(make_services: Callable[..., Services]) -> Services:
    """The clockwork rule on, Rule 1 out of the way."""
    return make_services(**CLOCKWORK)


@pytest.fixture
def crowded(make_services: Callable[..., Services]) -> Services:
    """The crowd rule on, Rule 1 out of the way."""
    return make_services(**CROWD)


@pytest.fixture
def metronome(rhythmic: Services) -> SetClock:
    """The clock by which the rhythm is kept."""
    return SetClock(rhythmic.redis, rhythmic.scoring._admission)


def ask_at(clock: SetClock, person: Person, pauses: Sequence[float]) -> Attempted:
    """Ask for a token after each of these pauses, in ms of Redis' clock; the last answer."""
    for pause in pauses:
        clock.advance(round(pause))
        answer = ask(person)
    return answer


def test_no_rhythm_is_kept_or_judged_by_default(services: Services) -> None:
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
    assert ask_at(clock, person, [12_000] * 40) == FINE
    assert events(person) == []
    assert not services.redis.exists(keys.rhythm(person.user_id, "token"))


def test_twenty_attempts_at_a_steady_tempo_fire(rhythmic: Services, metronome: SetClock) -> None:
    person = Person.register(rhythmic)
    counted = counted_events("clockwork", "FLAG")
    assert ask_at(metronome, person, [12_000] * 19) == FINE
    assert ask_at(metronome, person, [12_000]) == WARNED
    (event,) = events(person)
    assert (event.rule, event.kind, event.action) == ("clockwork", "token", "FLAG")
    assert counted_events("clockwork", "FLAG") == counted + 1


def test_the_times_judged_are_those_in_redis(rhythmic: Services, metronome: SetClock) -> None:
    person = Person.register(rhythmic)
    earlier = [metronome.now - number * 12_000 for number in range(1, 20)]
    rhythmic.redis.rpush(keys.rhythm(person.user_id, "token"), *earlier)
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


def test_a_script_with_one_percent_of_jitter_fires(rhythmic: Services, metronome: SetClock) -> None:
    person, chance = Person.register(rhythmic), random.Random(1)
    assert ask_at(metronome, person, [chance.gauss(12_000, 120) for _ in range(20)]) == WARNED


def test_a_human_does_not_fire(rhythmic: Services, metronome: SetClock) -> None:
    person, chance = Person.register(rhythmic), random.Random(2)
    assert ask_at(metronome, person, [chance.lognormvariate(9.2, 0.6) for _ in range(200)]) == FINE
    assert events(person) == []


def test_an_uneven_pause_starts_the_rhythm_over(rhythmic: Services, metronome: SetClock) -> None:
    person = Person.register(rhythmic)
    assert ask_at(metronome, person, [*[12_000] * 10, 40_000, *[12_000] * 18]) == FINE
    assert ask_at(metronome, person, [12_000]) == WARNED


def test_a_rhythm_is_judged_a_kind(rhythmic: Services, metronome: SetClock) -> None:
    person = Person.register(rhythmic)
    for _ in range(19):
        ask(person)
        metronome.advance(1_000)
        forge(person)
        metronome.advance(1_000)
    assert events(person) == []
    assert ask(person) == WARNED
    metronome.advance(1_000)
    forge(person)
    assert [event.kind for event in events(person)] == ["token", "increment"]


def test_a_token_repeated_is_no_beat(rhythmic: Services) -> None:
    person = Person.register(rhythmic)
    token = person.token()
    spend(person, token)
    for _ in range(30):
        with pytest.raises(TokenUsed):
            rhythmic.scoring.increment(person.identity, token)
    assert rhythmic.redis.llen(keys.rhythm(person.user_id, "increment")) == 1


def test_the_rhythm_begins_anew_after_an_event(rhythmic: Services, metronome: SetClock) -> None:
    person = Person.register(rhythmic)
    ask_at(metronome, person, [12_000] * 39)
    assert actions(person) == ["FLAG"]
    ask_at(metronome, person, [12_000])
    assert actions(person) == ["FLAG", "FLAG"]
    assert ask_at(metronome, person, [12_000] * 20) == BANNED


def test_any_number_of_accounts_may_share_an_address_by_default(services: Services) -> None:
    people = [Person.register(services) for _ in range(6)]
    assert [ask(person, "192.0.2.1") for person in people] == [FINE] * 6
    assert not services.redis.exists(keys.crowd("192.0.2.1"))


def test_the_fourth_account_of_an_address_fires(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(4)]
    assert [ask(person, "192.0.2.1") for person in people] == [FINE, FINE, FINE, WARNED]
    (event,) = events(people[3])
    assert (event.rule, event.kind, event.action) == ("crowd", "token", "FLAG")
    assert event.reason == "4 accounts acted from one address within 60 s, where 3 are allowed"
    assert [events(person) for person in people[:3]] == [[], [], []]


def test_other_addresses_are_other_crowds(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(8)]
    addresses = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"] * 2
    answers = [ask(*each) for each in zip(people, addresses, strict=True)]
    assert answers == [FINE] * 8


def test_an_account_counts_once_however_often_it_acts(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(3)]
    for _ in range(5):
        assert [ask(person, "192.0.2.1") for person in people] == [FINE] * 3


def test_token_requests_and_increments_are_one_crowd(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(4)]
    token = people[3].token()
    for person in people[:3]:
        ask(person, "192.0.2.1")
    assert spend(people[3], token, "192.0.2.1") == WARNED


def test_who_acted_a_minute_ago_is_no_longer_in_the_crowd(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(4)]
    for person in people[:3]:
        ask(person, "192.0.2.1")
    crowded.redis.zincrby(keys.crowd("192.0.2.1"), -60_000, people[0].user_id)
    assert ask(people[3], "192.0.2.1") == FINE


def test_a_crowd_is_one_event_a_minute_and_kind_not_one_an_attempt(crowded: Services) -> None:
    people = [Person.register(crowded) for _ in range(4)]
    clock = SetClock(crowded.redis, crowded.scoring._admission)
    for person in people:
        ask(person, "192.0.2.1")
    for _ in range(11):
        clock.advance(5_000)
        assert ask(people[3], "192.0.2.1") == WARNED
    assert actions(people[3]) == ["FLAG"]
    clock.advance(5_001)
    ask(people[3], "192.0.2.1")
    assert actions(people[3]) == ["FLAG", "FLAG"]
