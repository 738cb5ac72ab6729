"""Rule 1 through scoring, on real stores: what counts, what doesn't, and the event it leaves."""

from __future__ import annotations

from app.composition import Services
from app.contract import keys
from tests.app.fraud.attempting import (
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
from tests.app.fraud.clock import SetClock
from tests.app.people import Person


def test_eight_token_requests_never_fire_and_the_ninth_does(watched: Services) -> None:
    person = Person.register(watched)
    assert [ask(person) for _ in range(8)] == [FINE] * 8
    assert (events(person), status(person)) == ([], "active")
    assert ask(person) == WARNED
    assert [event.kind for event in events(person)] == ["token"]


def test_eight_increments_never_fire_and_the_ninth_does(watched: Services, clock: SetClock) -> None:
    person = Person.register(watched)
    tokens = []
    for _ in range(9):
        tokens.append(person.token())
        clock.advance(2_000)  # slowly, so that the token requests are none of this
    clock.set(clock.now - 18_000)
    assert [spend(person, token) for token in tokens[:8]] == [FINE] * 8
    assert (events(person), status(person)) == ([], "active")
    assert spend(person, tokens[8]) == WARNED
    assert [event.kind for event in events(person)] == ["increment"]


def test_five_tokens_and_five_increments_in_a_second_do_not_fire(strict: Services) -> None:
    person = Person.register(strict)
    SetClock(strict.redis, strict.scoring._admission)  # all of it in one millisecond
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


def test_the_same_token_again_is_the_same_attempt(strict: Services) -> None:
    person = Person.register(strict)
    for _ in range(5):
        spend(person, person.token())
    waiting = person.token()
    assert [spend(person, waiting) for _ in range(20)] == [Attempted("limited")] * 20
    assert strict.redis.zcard(keys.attempts(person.user_id, "increment")) == 6
    assert events(person) == []


def test_an_attempt_ten_seconds_ago_has_left_the_window(watched: Services, clock: SetClock) -> None:
    person = Person.register(watched)
    ask(person)
    clock.advance(10_000)
    assert [ask(person) for _ in range(8)] == [FINE] * 8
    assert events(person) == []


def test_an_attempt_a_millisecond_less_ago_has_not(watched: Services, clock: SetClock) -> None:
    person = Person.register(watched)
    ask(person)
    clock.advance(9_999)
    assert [ask(person) for _ in range(7)] == [FINE] * 7
    assert ask(person) == WARNED


def test_the_window_slides(watched: Services, clock: SetClock) -> None:
    person = Person.register(watched)
    for _ in range(40):  # 8 in every ten seconds, wherever they begin
        assert ask(person) == FINE
        clock.advance(1_250)
    # Seven are left in it by now.
    assert [ask(person) for _ in range(2)] == [FINE, WARNED]


def test_the_event_says_what_was_seen_and_what_followed(watched: Services, clock: SetClock) -> None:
    person, begun = Person.register(watched), clock.now
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
        "firstAt": begun,
        "lastAt": begun + 800,
    }
    assert counted_events("rapid_requests", "FLAG") == counted + 1


def test_the_flag_is_in_the_audit_trail(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(9):
        ask(person)
    trail = row(watched, "SELECT actor, act, reason FROM audit WHERE user_id = :id", person.user_id)
    reason = "9 token requests within 10 s, where 8 are allowed"
    assert tuple(trail) == ("fraud rules", "flag", reason)


def test_an_event_clears_its_window_and_no_other(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(8):
        forge(person)
        ask(person)
    ask(person)
    assert watched.redis.zcard(keys.attempts(person.user_id, "token")) == 0
    assert watched.redis.zcard(keys.attempts(person.user_id, "increment")) == 8
    assert [ask(person).flagged for _ in range(8)] == [True] * 8
    assert len(events(person)) == 1


def test_one_player_never_pays_for_another(watched: Services) -> None:
    hasty, calm = Person.register(watched), Person.register(watched)
    for _ in range(9):
        ask(hasty)
    assert ask(calm) == FINE
    assert (events(calm), status(calm)) == ([], "active")
