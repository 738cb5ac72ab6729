"""The warning: each reply to a token request or increment of a flagged player carries it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.accounts.session_cache import SessionCache
from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.errors import RedisUnavailable
from app.contract.limits import MAX_BODY_BYTES
from app.factory import create_app
from app.http.fraud_warning import FRAUD_WARNING
from app.scoring.admission import AdmissionStore
from tests.app.fraud.attempts import (
    BANNED,
    FINE,
    WARNED,
    Attempted,
    ask,
    burst,
    database_answers,
    execute,
    forge,
    spend,
)
from tests.app.fraud.clock import SettableClock
from tests.app.fraud.conftest import RULE_1
from tests.app.scoring.spendings import people, spend_batch
from tests.support.api_client import Caller, refused
from tests.support.players import PASSWORD, Person
from tests.support.servers import DatabaseServer
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "because")


def flag(person: Person) -> None:
    """Flag the player for an hour."""
    assert person.services.moderation.flag(OPERATOR, person.user_id, 3600).done


def test_every_answer_to_a_flagged_player_carries_the_warning(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    token = person.token()
    burst(person)
    clock.advance(60_000)
    assert ask(person) == WARNED
    assert spend(person, token) == WARNED


def test_every_refusal_of_a_token_carries_the_warning(
    watched: Services, clock: SettableClock
) -> None:
    person = Person.register(watched)
    used, expired = person.token(), person.aged_token(600_000)
    assert spend(person, used) == FINE
    assert spend(person, used) == Attempted("used")
    burst(person)
    clock.advance(60_000)
    assert spend(person, used) == Attempted("used", flagged=True)
    assert spend(person, expired) == Attempted("expired", flagged=True)
    assert forge(person) == Attempted("invalid", flagged=True)
    assert spend(person, Person.register(watched).token()) == Attempted("invalid", flagged=True)


def test_a_refusal_over_the_limit_carries_the_warning_too(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(**RULE_1, TOKEN_LIMIT="2 per minute")
    person = Person.register(services)
    answers = [ask(person) for _ in range(9)]
    assert answers == [
        *[FINE] * 2,
        *[Attempted("limited")] * 6,
        Attempted("limited", flagged=True),
    ]
    assert ask(person) == Attempted("limited", flagged=True)


def test_a_failure_of_postgresql_carries_the_warning(
    services: Services, postgres: DatabaseServer
) -> None:
    (flagged, token), (other, others_token) = people(services, 2)
    flag(flagged)
    with postgres.closed(services.settings.database_url):
        assert spend(flagged, token) == Attempted("failed", flagged=True)
        assert spend(other, others_token) == Attempted("failed")
    await_true(lambda: database_answers(services), 5)
    assert spend(flagged, token) == WARNED
    assert spend(other, others_token) == FINE


def test_a_failure_of_postgresql_while_a_rule_fires_carries_the_warning(
    watched: Services, postgres: DatabaseServer
) -> None:
    flagged, other = Person.register(watched), Person.register(watched)
    flag(flagged)
    for _ in range(8):
        ask(flagged)
        ask(other)
    with postgres.closed(watched.settings.database_url):
        assert ask(flagged) == Attempted("failed", flagged=True)
        assert ask(other) == Attempted("failed")


def test_one_failure_for_a_whole_batch_warns_the_flagged_player_only(
    services: Services, postgres: DatabaseServer
) -> None:
    spendings = people(services, 3)
    flagged = spendings[1][0]
    flag(flagged)
    with postgres.closed(services.settings.database_url):
        results = [(person, result.flagged) for person, result in spend_batch(spendings)]
    assert results == [(person, person is flagged) for person, _ in spendings]


def test_a_failure_of_redis_after_the_admission_carries_the_warning(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(FRAUD_CROWD_ACCOUNTS="3")
    person = Person.register(services)
    flag(person)
    assert keys.address_activity("192.0.2.1").startswith("crowd:")
    # No permission for keys that begin with "cr", so the accounts at the address can't be counted.
    services.redis.execute_command("ACL SETUSER default resetkeys ~[^c]* ~c[^r]*")
    try:
        assert ask(person, "192.0.2.1") == Attempted("no redis", flagged=True)
    finally:
        services.redis.execute_command("ACL SETUSER default allkeys")


def test_a_ban_carries_no_warning(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    flag(person)
    # Only in PostgreSQL, as before the ban is published.
    execute(services, "UPDATE users SET status = 'banned' WHERE id = :id", id=person.user_id)
    assert spend(person, token) == BANNED


def test_the_warning_is_in_the_body_of_an_error_reply(
    services: Services, postgres: DatabaseServer
) -> None:
    person = Person.register(services)
    login = services.accounts.log_in(person.username, PASSWORD)
    caller = Caller(create_app(services), person.user_id, login.tokens.access_token)
    body = {"actionToken": person.token()}
    flag(person)
    with postgres.closed(services.settings.database_url):
        reply = refused(caller("POST", "/api/scores/increment", body), 500, "DB_ERROR")
    assert reply["warning"] == FRAUD_WARNING
    await_true(lambda: database_answers(services), 5)
    caller("POST", "/api/scores/increment", body)
    reply = refused(caller("POST", "/api/scores/increment", body), 400, "TOKEN_USED")
    assert reply["warning"] == FRAUD_WARNING


@pytest.fixture
def callers(services: Services) -> tuple[Caller, Caller]:
    """A flagged player and another."""
    app = create_app(services)

    def caller() -> Caller:
        person = Person.register(services)
        login = services.accounts.log_in(person.username, PASSWORD)
        return Caller(app, person.user_id, login.tokens.access_token)

    flagged = caller()
    assert services.moderation.flag(OPERATOR, flagged.user_id, 3600).done
    return flagged, caller()


def assert_warns(callers: tuple[Caller, Caller], status: int, code: str, body: object) -> None:
    """Assert that this error reply to the flagged player warns, and the one to the other not."""
    flagged, other = (
        refused(each("POST", "/api/scores/increment", body), status, code) for each in callers
    )
    assert flagged["warning"] == FRAUD_WARNING
    assert "warning" not in other


def test_a_malformed_request_carries_the_warning(callers: tuple[Caller, Caller]) -> None:
    assert_warns(callers, 400, "VALIDATION_ERROR", {})
    assert_warns(callers, 413, "PAYLOAD_TOO_LARGE", {"actionToken": "x" * MAX_BODY_BYTES})


def test_a_failure_of_redis_before_the_admission_carries_the_warning(
    callers: tuple[Caller, Caller], monkeypatch: pytest.MonkeyPatch, services: Services
) -> None:
    def fail(*_: object) -> None:
        raise RedisUnavailable

    # Only the admission: Redis has answered again when the error is answered.
    with monkeypatch.context() as patch:
        patch.setattr(AdmissionStore, "admit", fail)
        assert_warns(callers, 503, "REDIS_UNAVAILABLE", {"actionToken": "x"})
        patch.setattr(SessionCache, "read_flag", fail)
        assert_warns(callers, 503, "REDIS_UNAVAILABLE", {"actionToken": "x"})


def test_a_fault_of_the_server_carries_the_warning(
    callers: tuple[Caller, Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(AdmissionStore, "admit", fail)
    assert_warns(callers, 500, "INTERNAL_ERROR", {"actionToken": "x"})


def test_a_flag_that_has_ended_warns_no_more(
    callers: tuple[Caller, Caller], services: Services
) -> None:
    flagged, _ = callers
    services.redis.hset(keys.account(flagged.user_id), "flaggedUntil", 1)
    reply = refused(flagged("POST", "/api/scores/increment", {}), 400, "VALIDATION_ERROR")
    assert "warning" not in reply
