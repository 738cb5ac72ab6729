"""Expired sessions are deleted in the background, a bounded number at a time."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from app.contract.errors import AuthInvalid, DatabaseUnavailable
from app.maintenance.session_purge import CHUNK_SIZE, SPARE_SECONDS, SessionPurge
from tests.app.conftest import StartBackground
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow

ACCESS_SECONDS = 900
RETENTION_SECONDS = ACCESS_SECONDS + SPARE_SECONDS


def purge_of(services: Services) -> SessionPurge:
    return SessionPurge(services.database, ACCESS_SECONDS)


def add_sessions(services: Services, person: Person, number: int, expired_seconds: float) -> None:
    """Insert sessions of the person that expired that long ago."""
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "INSERT INTO sessions (id, user_id, refresh_token_id, expires_at, revoked_at)"
                " SELECT gen_random_uuid(), :user_id, gen_random_uuid(),"
                " clock_timestamp() - make_interval(secs => :seconds),"
                " CASE WHEN n % 2 = 0 THEN clock_timestamp() END"
                " FROM generate_series(1, :number) AS n"
            ),
            {"user_id": person.user_id, "seconds": expired_seconds, "number": number},
        )


def count_sessions(services: Services) -> int:
    with services.database.reading() as connection:
        found: int = connection.execute(text("SELECT count(*) FROM sessions")).scalar_one()
    return found


def purged_in_total() -> float:
    return REGISTRY.get_sample_value("scoreboard_sessions_purged_total") or 0.0


def test_only_sessions_that_expired_before_their_last_access_token_are_deleted(
    services: Services,
) -> None:
    person = Person.register(services)
    add_sessions(services, person, 6, RETENTION_SECONDS + 5)
    add_sessions(services, person, 3, RETENTION_SECONDS - 30)
    add_sessions(services, person, 2, -3600)
    purge_of(services).step_if_due()
    assert count_sessions(services) == 1 + 3 + 2
    services.sessions.verify(person.identity)


def test_a_step_examines_a_bounded_number_and_the_steps_reach_all(services: Services) -> None:
    person = Person.register(services)
    add_sessions(services, person, 2 * CHUNK_SIZE + 10, RETENTION_SECONDS + 5)
    purge, before = purge_of(services), purged_in_total()
    left = [count_sessions(services)]
    for _ in range(4):
        purge.step_if_due()
        left.append(count_sessions(services))
    assert all(one - other <= CHUNK_SIZE for one, other in itertools.pairwise(left))
    assert left[-1] == 1
    assert purged_in_total() - before == 2 * CHUNK_SIZE + 10


def test_after_the_last_chunk_nothing_is_examined_for_a_while(services: Services) -> None:
    person, purge = Person.register(services), purge_of(services)
    purge.step_if_due()
    add_sessions(services, person, 1, RETENTION_SECONDS + 5)
    purge.step_if_due()
    assert count_sessions(services) == 2


def test_a_session_of_a_purged_row_is_invalid(services: Services) -> None:
    person = Person.register(services)
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE sessions SET expires_at = now() - interval '2 h'"))
    purge_of(services).step_if_due()
    services.redis.flushall()
    with pytest.raises(AuthInvalid):
        services.sessions.verify(person.identity)


def test_a_session_that_is_extended_during_the_purge_stays(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    add_sessions(services, person, 1, RETENTION_SECONDS + 5)
    with ThreadPoolExecutor(1) as pool:
        with services.database.transaction() as connection:
            connection.execute(text("UPDATE sessions SET expires_at = now() + interval '1 day'"))
            step = pool.submit(purge_of(services).step_if_due)
            await_true(lambda: is_lock_awaited(stores.database_url), 5)
        step.result(5)
    assert count_sessions(services) == 2


def test_a_failure_of_the_database_does_not_end_the_background_work(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise DatabaseUnavailable

    monkeypatch.setattr("app.accounts.session_rows.purge", fail)
    purge_of(services).step_if_due()


def test_a_running_api_process_purges(
    services: Services, start_background: StartBackground
) -> None:
    add_sessions(services, Person.register(services), 3, RETENTION_SECONDS + 5)
    start_background(services)
    await_true(lambda: count_sessions(services) == 1, 10)
