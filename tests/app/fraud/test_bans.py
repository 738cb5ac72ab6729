"""A ban: from the third event within a day, counted anew after a pardon."""

from __future__ import annotations

import pytest

from app.composition import Services
from app.contract.errors import SessionRevoked, UserBanned
from app.services.moderation import Act
from tests.app.fraud.attempting import (
    BANNED,
    WARNED,
    Attempted,
    actions,
    ask,
    burst,
    counted_events,
    events,
    execute,
    forge,
    row,
    status,
    status_in_redis,
)
from tests.app.people import PASSWORD, Person

pytestmark = pytest.mark.slow

ACT = Act("test", "because")


def test_the_third_event_bans(watched: Services) -> None:
    person = Person.register(watched)
    counted = counted_events("rapid_requests", "BAN")
    assert burst(person) == WARNED
    assert burst(person) == WARNED
    assert burst(person) == BANNED
    assert actions(person) == ["FLAG", "FLAG", "BAN"]
    assert (status(person), status_in_redis(person)) == ("banned", "banned")
    assert counted_events("rapid_requests", "BAN") == counted + 1
    assert ask(person) == forge(person) == BANNED


def test_events_of_both_kinds_count_together(watched: Services) -> None:
    person = Person.register(watched)
    burst(person)
    answers = [forge(person) for _ in range(18)]
    assert (answers[8], answers[17]) == (Attempted("invalid"), BANNED)
    assert [event.kind for event in events(person)] == ["token", "increment", "increment"]


def test_the_third_burst_is_banned_even_where_each_attempt_is_over_the_limit(
    strict: Services,
) -> None:
    person = Person.register(strict)
    answers = [ask(person).answer for _ in range(27)]
    assert answers == [*["ok"] * 10, *["limited"] * 16, "banned"]


def test_a_ban_ends_the_sessions_and_closes_the_door(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(3):
        burst(person)
    query = "SELECT count(*) FROM sessions WHERE user_id = :id AND revoked_at IS NULL"
    assert row(watched, query, person.user_id)[0] == 0
    with pytest.raises(UserBanned):
        watched.sessions.refresh(person.identity)
    with pytest.raises(UserBanned):
        watched.accounts.log_in(person.username, PASSWORD)


def test_a_ban_takes_the_player_off_the_board(watched: Services) -> None:
    person, other = Person.register(watched), Person.register(watched)
    person.score(2)
    other.score()
    for _ in range(3):
        burst(person)
    assert [row.user_id for row in watched.leaderboard.top().rows] == [other.user_id]


def test_an_event_more_than_a_day_old_does_not_count(watched: Services) -> None:
    person = Person.register(watched)
    burst(person)
    burst(person)
    age_first(person, seconds=86_401)
    assert burst(person) == WARNED
    assert actions(person) == ["FLAG"] * 3


def test_an_event_almost_a_day_old_counts(watched: Services) -> None:
    person = Person.register(watched)
    burst(person)
    burst(person)
    age_first(person, seconds=86_390)
    assert burst(person) == BANNED


def age_first(person: Person, seconds: int) -> None:
    """Make the player's first event so much older."""
    execute(
        person.services,
        "UPDATE fraud_events SET created_at = created_at - :seconds * interval '1 second'"
        " WHERE id = (SELECT min(id) FROM fraud_events WHERE user_id = :id)",
        id=person.user_id,
        seconds=seconds,
    )


@pytest.mark.parametrize("bursts", [2, 3])
def test_a_pardon_makes_earlier_events_count_no_more(watched: Services, bursts: int) -> None:
    person = Person.register(watched)
    for _ in range(bursts):
        burst(person)
    pardon = watched.moderation.unflag if bursts == 2 else watched.moderation.unban
    assert pardon(ACT, person.user_id)
    if bursts == 3:
        admitted = watched.accounts.log_in(person.username, PASSWORD)
        identity = watched.verifier.verify(admitted.tokens.access_token, "access")
        person = Person(watched, person.user_id, person.username, identity)
    assert [burst(person) for _ in range(3)] == [WARNED, WARNED, BANNED]


def test_an_unban_pardons_but_the_old_sessions_stay_ended(watched: Services) -> None:
    person = Person.register(watched)
    for _ in range(3):
        burst(person)
    watched.moderation.unban(ACT, person.user_id)
    with pytest.raises(SessionRevoked):
        watched.scoring.issue_token(person.identity)
