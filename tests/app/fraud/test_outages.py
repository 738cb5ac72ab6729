"""A store fails while a rule fires: PostgreSQL decides, and Redis follows when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.audit.audited_change import Initiator
from app.contract.errors import RedisUnavailable
from app.fraud.attempt_window import AttemptWindows
from app.moderation import fraud_event_rows
from tests.app.fraud.attempts import (
    BANNED,
    FINE,
    WARNED,
    WINDOW_MS,
    Attempted,
    actions,
    ask,
    burst,
    bursts,
    database_answers,
    events,
    row,
    spend,
    status,
    status_in_redis,
)
from tests.app.fraud.clock import SettableClock
from tests.app.fraud.conftest import RULE_1
from tests.support.players import Person
from tests.support.servers import DatabaseServer, redis_server
from tests.support.services import Services
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedValkey

pytestmark = pytest.mark.slow


@pytest.fixture
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey that the test may stop."""
    with redis_server(tmp_path_factory.mktemp("own-valkey")) as server:
        yield server


@pytest.fixture
def fragile(make_services: Callable[..., Services], own_valkey: EmbeddedValkey) -> Services:
    """Rule 1 as designed, in a Redis that the test may stop."""
    return make_services(**RULE_1, REDIS_URL=own_valkey.url)


def when_writing_an_event(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Call `do` after a rule has fired and before its event is written."""
    insert = fraud_event_rows.insert

    def do_and_insert(*args: Any) -> None:
        do()
        insert(*args)

    monkeypatch.setattr(fraud_event_rows, "insert", do_and_insert)


def reconcile(services: Services) -> bool:
    """Make a pass; False while the circuit breaker of Redis is open."""
    try:
        services.reconciler.run_pass()
    except RedisUnavailable:
        return False
    return True


def test_a_flag_holds_although_redis_freezes_before_it_is_published(
    fragile: Services, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(fragile)
    when_writing_an_event(monkeypatch, own_valkey.pause)
    assert burst(person) == WARNED
    assert (actions(person), status(person)) == (["FLAG"], "flagged")
    own_valkey.resume()
    await_true(lambda: reconcile(fragile), 5)
    assert status_in_redis(person) == "flagged"


def test_a_burst_is_one_event_although_redis_did_not_forget_its_attempts(
    watched: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(watched)
    fail_to_forget(monkeypatch)
    burst(person)
    assert [ask(person) for _ in range(3)] == [WARNED] * 3
    assert actions(person) == ["FLAG"]


def test_attempts_of_a_pardoned_event_lead_to_no_other_although_redis_did_not_forget_them(
    watched: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(watched)
    fail_to_forget(monkeypatch)
    burst(person)
    assert watched.moderation.unflag(Initiator("operator:test", "because"), person.user_id).done
    assert ask(person) == FINE
    assert actions(person) == ["FLAG"]


def test_a_flood_leads_to_the_next_events_although_redis_forgets_no_attempt(
    watched: Services, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, started_at = Person.register(watched), clock.now
    fail_to_forget(monkeypatch)
    while ask(person) != BANNED:
        clock.advance(1_000)
    times = [event.evidence["firstAt"] - started_at for event in events(person)]
    # Each begins a window after the last attempt of the event before, at 8 s and at 27 s.
    assert times == [0, 18_000, 37_000]


def test_regular_attempts_are_one_event_although_redis_did_not_forget_them(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(FRAUD_CLOCKWORK_VARIATION="0.05")
    person = Person.register(services)
    clock = SettableClock(services.redis)
    fail_to_forget(monkeypatch)
    for _ in range(39):
        ask(person)
        clock.advance(12_000)
    assert actions(person) == ["FLAG"]
    ask(person)  # The first window without an attempt of the event.
    assert actions(person) == ["FLAG", "FLAG"]


def fail_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redis fail when attempts are removed from their window."""

    def fail(*_: object) -> None:
        raise RedisUnavailable()

    monkeypatch.setattr(AttemptWindows, "forget", fail)


def test_a_ban_holds_although_redis_dies_before_it_is_published(
    fragile: Services, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(fragile)
    token = person.token()
    fragile.redis.flushdb()
    clock = SettableClock(fragile.redis)
    bursts(person, clock, 2)
    clock.advance(WINDOW_MS)
    when_writing_an_event(monkeypatch, own_valkey.kill)
    assert burst(person) == BANNED
    monkeypatch.undo()
    assert (actions(person), status(person)) == (["FLAG", "FLAG", "BAN"], "banned")
    # The new Redis is empty, so everything comes from PostgreSQL.
    own_valkey.start()
    await_true(lambda: reconcile(fragile), 5)
    assert spend(person, token) == BANNED
    assert row(fragile, "SELECT score FROM users WHERE id = :id", person.user_id)[0] == 0


def test_without_postgresql_the_attempt_fails_and_the_next_one_is_judged(
    watched: Services, postgres: DatabaseServer
) -> None:
    person = Person.register(watched)
    for _ in range(8):
        ask(person)
    with postgres.closed(watched.settings.database_url):
        assert ask(person) == Attempted("failed")
    await_true(lambda: database_answers(watched), 5)
    assert (events(person), status(person)) == ([], "active")
    assert ask(person) == WARNED
    (event,) = events(person)
    assert event.evidence["attempts"] == 10
