"""Bursts and floods: one event for each burst, and at least one window between two events."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import parse_many

from app.accounts.session_cache import SessionCache
from app.audit.audited_change import Initiator
from app.fraud.attempt_window import AttemptWindow, AttemptWindows
from app.fraud.configuration import configured_policy, configured_rules
from app.fraud.judge import Judge
from app.leaderboard.index.index_changes import IndexChanges
from app.leaderboard.index.seen_versions import SeenVersions
from app.leaderboard.publication import BoardPublisher
from app.moderation.sanctions import Sanctions
from app.scoring.action_tokens import ActionTokenCodec
from app.scoring.admission import Admission, AdmissionStore, Attempt
from tests.app.fraud.attempts import (
    BANNED,
    FINE,
    WARNED,
    WINDOW_MS,
    actions,
    ask,
    burst,
    events,
    forge,
)
from tests.app.fraud.clock import SettableClock
from tests.app.fraud.conftest import DESIGN_LIMITS, RULE_1
from tests.support.players import Person
from tests.support.services import Services

OPERATOR = Initiator("operator:test", "because")


def test_fifty_attempts_recorded_before_any_is_judged_are_one_event(
    make_services: Callable[..., Services],
) -> None:
    judges = [judge_of(make_services(**RULE_1)) for _ in range(2)]
    person = Person.register(make_services(**RULE_1))
    windows = [record_attempt(person) for _ in range(50)]

    def judge(number: int) -> str:
        return judges[number % 2].judge(person.user_id, "token", windows[number], "")

    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(judge, range(50)))
    assert verdicts == [*["clear"] * 8, *["FLAG"] * 42]
    assert actions(person) == ["FLAG"]


def judge_of(services: Services) -> Judge:
    """A judge with the stores and settings of the services."""
    publisher = BoardPublisher(
        SessionCache(services.redis, services.settings.access_token_seconds),
        IndexChanges(services.redis),
        services.local_board,
        SeenVersions(),
        services.alerts,
    )
    return Judge(
        configured_rules(services.settings),
        configured_policy(services.settings),
        services.database,
        AttemptWindows(services.redis),
        None,
        Sanctions(publisher),
    )


def record_attempt(person: Person) -> AttemptWindow:
    """Record a token request in Redis without judging it."""
    limits = tuple(parse_many("1000 per minute"))
    store = AdmissionStore(person.services.redis, {"token": limits}, 10_000, 60_000, 0)
    identity, nonce = person.identity, ActionTokenCodec.new_nonce()
    admission = store.admit(Attempt(identity.user_id, identity.session_id, "token", "issue", nonce))
    assert isinstance(admission, Admission)
    return admission.window


@pytest.mark.slow
def test_simultaneous_attempts_are_one_event_and_the_third_event_bans(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(**RULE_1, **DESIGN_LIMITS) for _ in range(2)]
    person, clock = Person.register(processes[0]), SettableClock(processes[0].redis)
    both = [Person(each, person.user_id, person.username, person.identity) for each in processes]
    answers, events_so_far = [], []
    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            answers += [attempted.answer for attempted in pool.map(ask, both * 100)]
        events_so_far.append(actions(person))
        clock.advance(WINDOW_MS)
    assert events_so_far == [["FLAG"], ["FLAG"] * 2, ["FLAG", "FLAG", "BAN"]]
    assert answers[-1] == "banned"
    assert answers.count("ok") <= 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pause", "event_times"),
    [
        (50, [400, 10_800, 21_200]),
        (1_000, [8_000, 26_000, 44_000]),
        (1_200, [9_600, 30_000, 50_400]),
    ],
)
def test_of_a_flood_the_first_nine_attempts_a_window_after_an_event_are_the_next_event(
    watched: Services, clock: SettableClock, pause: int, event_times: list[int]
) -> None:
    person, started_at = Person.register(watched), clock.now
    while ask(person) != BANNED:
        clock.advance(pause)
    assert times_of_events(person, started_at) == [(at - 8 * pause, at) for at in event_times]
    assert actions(person) == ["FLAG", "FLAG", "BAN"]


def times_of_events(person: Person, since: int) -> list[tuple[int, int]]:
    """Times of the first and of the last attempt of each event of Rule 1, in ms after `since`."""
    evidence = [event.evidence for event in events(person)]
    return [(each["firstAt"] - since, each["lastAt"] - since) for each in evidence]


@pytest.mark.slow
def test_a_window_lies_between_the_events_of_a_flood_of_tokens_and_increments(
    watched: Services, clock: SettableClock
) -> None:
    person, started_at = Person.register(watched), clock.now
    while BANNED not in (ask(person), forge(person)):
        clock.advance(100)
    times = times_of_events(person, started_at)
    assert times == [(0, 800), (10_800, 11_600), (21_600, 22_400)]


def test_each_reply_in_the_gap_warns_and_the_gap_ends_a_window_after_the_event(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(WINDOW_MS - 1)
    assert [ask(person) for _ in range(30)] == [WARNED] * 30
    assert actions(person) == ["FLAG"]
    clock.advance(1)
    assert [ask(person) for _ in range(8)] == [WARNED] * 8
    assert actions(person) == ["FLAG"]
    assert ask(person) == WARNED
    assert actions(person) == ["FLAG", "FLAG"]


def test_a_reply_in_the_gap_does_not_warn_after_the_end_of_the_flag(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, FRAUD_FLAG_SECONDS="1")
    person, clock = Person.register(services), SettableClock(services.redis)
    burst(person)
    clock.advance(1_000)
    assert burst(person) == FINE
    assert actions(person) == ["FLAG"]


def test_a_pardoned_event_leaves_no_gap(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(1)
    assert watched.moderation.unflag(OPERATOR, person.user_id).done
    assert burst(person) == WARNED
    assert actions(person) == ["FLAG", "FLAG"]


def test_a_clock_that_was_set_back_leaves_no_gap(watched: Services, clock: SettableClock) -> None:
    person = Person.register(watched)
    burst(person)
    clock.advance(-3_600_000)
    assert burst(person) == WARNED
    assert actions(person) == ["FLAG", "FLAG"]
