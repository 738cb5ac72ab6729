"""A ban: the third event within a day bans; a pardon starts the count again."""

from __future__ import annotations

import pytest

from app.audit.audited_change import Initiator
from app.contract.errors import SessionRevoked, UserBanned
from app.contract.limits import AUTOMATIC_BAN
from tests.app.fraud.attempts import (
    BANNED,
    WARNED,
    WINDOW_MS,
    Attempted,
    actions,
    ask,
    burst,
    bursts,
    counted_events,
    events,
    execute,
    forge,
    row,
    status,
    status_in_redis,
)
from tests.app.fraud.clock import SettableClock
from tests.support.players import PASSWORD, Person
from tests.support.services import Services

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "because")


def test_the_third_event_bans(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    counted = counted_events("rapid_requests", "BAN")
    assert bursts(person, clock, 3) == [WARNED, WARNED, BANNED]
    assert actions(person) == ["FLAG", "FLAG", "BAN"]
    assert (status(person), status_in_redis(person)) == ("banned", "banned")
    assert counted_events("rapid_requests", "BAN") == counted + 1
    assert ask(person) == forge(person) == BANNED


def test_events_of_both_kinds_count_together(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(WINDOW_MS)
    assert [forge(person) for _ in range(9)][-1] == Attempted("invalid", flagged=True)
    assert bursts(person, clock, 1) == [BANNED]
    assert [event.kind for event in events(person)] == ["token", "increment", "token"]


def test_the_third_burst_bans_although_its_attempts_are_over_the_limit(
    strict: Services,
) -> None:
    person, clock = Person.register(strict), SettableClock(strict.redis)
    answers = []
    for _ in range(3):
        answers += [ask(person).answer for _ in range(9)]
        clock.advance(WINDOW_MS)
    assert answers == [*["ok"] * 10, *["limited"] * 16, "banned"]


def test_a_ban_ends_the_sessions_and_prevents_a_login(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    bursts(person, clock, 3)
    query = "SELECT count(*) FROM sessions WHERE user_id = :id AND revoked_at IS NULL"
    assert row(watched, query, person.user_id)[0] == 0
    with pytest.raises(UserBanned):
        watched.sessions.refresh(person.identity)
    with pytest.raises(UserBanned):
        watched.accounts.log_in(person.username, PASSWORD)


def test_a_ban_takes_the_player_off_the_board(watched: Services, clock: SettableClock) -> None:
    person, other = Person.register(watched), Person.register(watched)
    person.score(2)
    other.score()
    bursts(person, clock, 3)
    assert [row.user_id for row in watched.leaderboard.top().rows] == [other.user_id]


def test_an_event_more_than_a_day_old_does_not_count(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    bursts(person, clock, 2)
    age_first(person, seconds=86_401)
    assert bursts(person, clock, 1) == [WARNED]
    assert actions(person) == ["FLAG"] * 3


def test_an_event_almost_a_day_old_counts(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    bursts(person, clock, 2)
    age_first(person, seconds=86_390)
    assert bursts(person, clock, 1) == [BANNED]


def age_first(person: Person, seconds: int) -> None:
    """Make the player's first event older."""
    execute(
        person.services,
        "UPDATE fraud_events SET created_at = created_at - :seconds * interval '1 second'"
        " WHERE id = (SELECT min(id) FROM fraud_events WHERE user_id = :id)",
        id=person.user_id,
        seconds=seconds,
    )


@pytest.mark.parametrize("made", [2, 3])
def test_events_before_a_pardon_do_not_count(
    watched: Services, clock: SettableClock, made: int
) -> None:
    person = Person.register(watched)
    bursts(person, clock, made)
    pardon = watched.moderation.unflag if made == 2 else watched.moderation.unban
    assert pardon(OPERATOR, person.user_id).done
    if made == 3:
        login = watched.accounts.log_in(person.username, PASSWORD)
        identity = watched.verifier.verify(login.tokens.access_token, "access")
        person = Person(watched, person.user_id, person.username, identity)
    assert bursts(person, clock, 3) == [WARNED, WARNED, BANNED]


def test_the_old_sessions_stay_ended_after_an_unban(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    bursts(person, clock, 3)
    watched.moderation.unban(OPERATOR, person.user_id)
    with pytest.raises(SessionRevoked):
        watched.scoring.issue_token(person.identity)


def test_an_automatic_ban_tells_the_player_that_a_check_has_banned_and_nothing_of_the_rule(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    assert bursts(person, clock, 3)[-1] == BANNED
    with pytest.raises(UserBanned) as refused:
        watched.scoring.issue_token(person.identity)
    assert refused.value.ban is not None
    assert refused.value.ban.reason == AUTOMATIC_BAN
