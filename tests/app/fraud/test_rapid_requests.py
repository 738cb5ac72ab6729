"""Rule 1 through scoring, with real stores: which attempts count, and the event they lead to."""

from __future__ import annotations

import pytest

from app.contract import keys
from tests.app.fraud.attempts import (
    FINE,
    WARNED,
    Attempted,
    ask,
    counted_events,
    events,
    forge,
    row,
    spend,
    status,
)
from tests.app.fraud.clock import SettableClock
from tests.support.players import Person
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_eight_token_requests_never_fire_and_the_ninth_does(watched: Services) -> None:
    person = Person.register(watched)
    assert [ask(person) for _ in range(8)] == [FINE] * 8
    assert (events(person), status(person)) == ([], "active")
    assert ask(person) == WARNED
    assert [event.kind for event in events(person)] == ["token"]


def test_eight_increments_never_fire_and_the_ninth_does(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    tokens = []
    for _ in range(9):
        tokens.append(person.token())
        clock.advance(2_000)  # Slowly, so that the token requests do not fire.
    clock.set(clock.now - 18_000)
    assert [spend(person, token) for token in tokens[:8]] == [FINE] * 8
    assert (events(person), status(person)) == ([], "active")
    assert spend(person, tokens[8]) == WARNED
    assert [event.kind for event in events(person)] == ["increment"]


def test_five_tokens_and_five_increments_in_a_second_do_not_fire(strict: Services) -> None:
    person = Person.register(strict)
    SettableClock(strict.redis)  # All attempts are in the same millisecond.
    for _ in range(5):
        assert spend(person, person.token()) == FINE
    assert (events(person), status(person)) == ([], "active")


def test_eight_of_each_kind_do_not_fire(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(8):
        assert spend(person, person.token()) == FINE
    assert events(person) == []


def test_forged_tokens_count(watched: Services) -> None:
    person = Person.register(watched)
    assert [forge(person) for _ in range(8)] == [Attempted("invalid")] * 8
    assert events(person) == []
    forge(person)
    assert [event.kind for event in events(person)] == ["increment"]
    assert status(person) == "flagged"


def test_attempts_over_the_limit_count(strict: Services) -> None:
    person = Person.register(strict)
    for _ in range(5):
        assert spend(person, person.token()) == FINE
    over = [person.token() for _ in range(3)]
    assert [spend(person, each) for each in over] == [Attempted("limited")] * 3
    assert events(person) == []
    forge(person)
    assert [event.kind for event in events(person)] == ["increment"]


def test_a_repeated_token_is_the_same_attempt(strict: Services) -> None:
    person = Person.register(strict)
    for _ in range(5):
        spend(person, person.token())
    waiting = person.token()
    assert [spend(person, waiting) for _ in range(20)] == [Attempted("limited")] * 20
    assert strict.redis.zcard(keys.attempts(person.user_id, "increment")) == 6
    assert events(person) == []


def test_an_attempt_ten_seconds_ago_has_left_the_window(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    ask(person)
    clock.advance(10_000)
    assert [ask(person) for _ in range(8)] == [FINE] * 8
    assert events(person) == []


def test_an_attempt_9999_ms_ago_is_still_in_the_window(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    ask(person)
    clock.advance(9_999)
    assert [ask(person) for _ in range(7)] == [FINE] * 7
    assert ask(person) == WARNED


def test_the_window_slides(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    for _ in range(40):  # 8 in every period of ten seconds
        assert ask(person) == FINE
        clock.advance(1_250)
    # Seven attempts are left in the window.
    assert [ask(person) for _ in range(2)] == [FINE, WARNED]


def test_the_event_has_evidence_and_action(watched: Services, clock: SettableClock) -> None:
    person, started_at = Person.register(watched), clock.now
    counted = counted_events("rapid_requests", "FLAG")
    for _ in range(9):
        ask(person)
        clock.advance(100)
    (event,) = events(person)
    assert (event.rule, event.kind, event.action) == ("rapid_requests", "token", "FLAG")
    assert event.reason == "9 token requests within 10 s, where 8 are allowed"
    assert event.evidence == {
        "attempts": 9,
        "most": 8,
        "windowSeconds": 10,
        "firstAt": started_at,
        "lastAt": started_at + 800,
    }
    assert counted_events("rapid_requests", "FLAG") == counted + 1


def test_the_flag_is_in_the_audit_trail(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(9):
        ask(person)
    trail = row(watched, "SELECT actor, act, reason FROM audit WHERE user_id = :id", person.user_id)
    reason = "9 token requests within 10 s, where 8 are allowed"
    assert tuple(trail) == ("fraud rules", "flag", reason)


def test_an_event_clears_the_window_of_its_kind_only(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(8):
        forge(person)
        ask(person)
    ask(person)
    assert watched.redis.zcard(keys.attempts(person.user_id, "token")) == 0
    assert watched.redis.zcard(keys.attempts(person.user_id, "increment")) == 8
    assert [ask(person).flagged for _ in range(8)] == [True] * 8
    assert len(events(person)) == 1


def test_one_players_attempts_do_not_affect_another_player(watched: Services) -> None:
    hasty, calm = Person.register(watched), Person.register(watched)
    for _ in range(9):
        ask(hasty)
    assert ask(calm) == FINE
    assert (events(calm), status(calm)) == ([], "active")
