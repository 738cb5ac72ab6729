"""A store that fails while a rule fires: PostgreSQL decides, Redis follows when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

from app.composition import Services
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.stores import fraud_events
from tests.app.fraud.attempting import (
    BANNED,
    WARNED,
    actions,
    ask,
    burst,
    events,
    row,
    spend,
    status,
    status_in_redis,
)
from tests.app.fraud.clock import SetClock
from tests.app.fraud.conftest import RULE_1
from tests.app.people import Person
from tests.awaiting import await_true
from tests.servers import DatabaseServer, redis_server
from tools.embedded import EmbeddedValkey

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
    """Do something after a rule fired and before its event is written."""
    insert = fraud_events.insert

    def do_and_insert(*args: Any) -> None:
        do()
        insert(*args)

    monkeypatch.setattr(fraud_events, "insert", do_and_insert)


def follow(services: Services) -> bool:
    """A keeper's pass; False while Redis' failure is still remembered."""
    try:
        services.index_keeper.keep()
    except RedisUnavailable:
        return False
    return True


def test_a_flag_stands_though_redis_freezes_before_it_is_told(
    fragile: Services, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(fragile)
    when_writing_an_event(monkeypatch, own_valkey.pause)
    assert burst(person) == WARNED
    assert (actions(person), status(person)) == (["FLAG"], "flagged")
    own_valkey.resume()
    await_true(lambda: follow(fragile), 5)
    assert status_in_redis(person) == "flagged"


def test_a_burst_that_redis_could_not_forget_is_not_an_event_again(
    watched: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(watched)
    fail_to_forget(watched, monkeypatch)
    burst(person)
    assert [ask(person) for _ in range(3)] == [WARNED] * 3
    assert actions(person) == ["FLAG"]


def test_a_rhythm_that_redis_could_not_forget_is_not_an_event_again(
    make_services: Callable[..., Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    services = make_services(FRAUD_CLOCKWORK_VARIATION="0.05")
    person = Person.register(services)
    clock = SetClock(services.redis, services.scoring._admission)
    fail_to_forget(services, monkeypatch)
    for _ in range(39):
        ask(person)
        clock.advance(12_000)
    assert actions(person) == ["FLAG"]
    ask(person)  # the first that shares no attempt with the event
    assert actions(person) == ["FLAG", "FLAG"]


def fail_to_forget(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redis be away whenever attempts are to be taken out of their window."""

    def fail(*_: object) -> None:
        raise RedisUnavailable()

    monkeypatch.setattr(services.scoring._admission, "forget_attempts", fail)


def test_a_ban_stands_though_redis_dies_before_it_is_told(
    fragile: Services, own_valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = Person.register(fragile)
    token = person.token()
    fragile.redis.flushdb()
    for _ in range(2):
        burst(person)
    when_writing_an_event(monkeypatch, own_valkey.kill)
    assert burst(person) == BANNED
    monkeypatch.undo()
    assert (actions(person), status(person)) == (["FLAG", "FLAG", "BAN"], "banned")
    # What comes back is empty, so everything is asked of PostgreSQL.
    own_valkey.start()
    await_true(lambda: follow(fragile), 5)
    assert spend(person, token) == BANNED
    assert row(fragile, "SELECT score FROM users WHERE id = :id", person.user_id)[0] == 0


def test_without_postgresql_the_attempt_fails_and_the_next_one_is_judged(
    watched: Services, postgres: DatabaseServer
) -> None:
    person = Person.register(watched)
    for _ in range(8):
        ask(person)
    with closed_to_all(watched, postgres), pytest.raises(DatabaseUnavailable):
        watched.scoring.issue_token(person.identity)
    assert (events(person), status(person)) == ([], "active")
    assert ask(person) == WARNED
    (event,) = events(person)
    assert event.evidence["attempts"] == 10


@contextmanager
def closed_to_all(services: Services, postgres: DatabaseServer) -> Iterator[None]:
    """Nobody gets into the services' database, and who was in is thrown out."""
    name = services.settings.database_url.rpartition("/")[2]
    identifier = sql.Identifier(name)
    connection = psycopg2.connect(postgres.url("postgres"))
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            close = "ALTER DATABASE {} ALLOW_CONNECTIONS {}"
            cursor.execute(sql.SQL(close).format(identifier, sql.Literal(False)))
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [name],
            )
            yield
            cursor.execute(sql.SQL(close).format(identifier, sql.Literal(True)))
    finally:
        connection.close()
