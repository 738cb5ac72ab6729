"""Accounts and sessions: rotation, reuse of tokens, and the end of sessions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.accounts import session_rows
from app.accounts.sessions import TokenPair
from app.contract import keys
from app.contract.channels import SessionsEnded
from app.contract.errors import (
    AuthInvalid,
    InvalidCredentials,
    SessionRevoked,
    UserBanned,
    UsernameTaken,
)
from app.contract.identity import Identity
from tests.support.players import PASSWORD, Person
from tests.support.servers import Stores, empty
from tests.support.services import Services
from tests.support.waiting import await_true


def access(services: Services, pair: TokenPair) -> Identity:
    return services.verifier.verify(pair.access_token, "access")


def test_logout_ends_only_the_session_of_its_token(services: Services) -> None:
    first = access(services, services.accounts.register("ada", PASSWORD, "Ada").tokens)
    second = access(services, services.accounts.log_in("Ada", PASSWORD).tokens)
    services.sessions.end(first)
    with pytest.raises(SessionRevoked):
        services.sessions.verify(first)
    services.sessions.verify(second)


def test_a_new_password_ends_every_session_and_opens_a_new_one(services: Services) -> None:
    own = access(services, services.accounts.register("ada", PASSWORD, "Ada").tokens)
    others = [access(services, services.accounts.log_in("ada", PASSWORD).tokens) for _ in "ab"]
    with pytest.raises(InvalidCredentials):
        services.accounts.change_password(own, "wrong password", "another password")
    services.sessions.verify(own)
    tokens = services.accounts.change_password(own, PASSWORD, "another password")
    services.sessions.verify(access(services, tokens))
    for ended in (own, *others):
        with pytest.raises(SessionRevoked):
            services.sessions.verify(ended)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in("ada", PASSWORD)
    services.accounts.log_in("ada", "another password")


def test_sessions_survive_the_loss_of_all_data_in_redis(services: Services, stores: Stores) -> None:
    person = Person.register(services)
    empty(stores.redis_url)
    services.sessions.verify(person.identity)
    assert services.redis.get(keys.session(person.user_id, person.identity.session_id)) == "active"


def test_a_slow_reader_does_not_revive_a_session_that_ended_in_the_meantime(
    services: Services, monkeypatch: pytest.MonkeyPatch, stores: Stores
) -> None:
    person = Person.register(services)
    empty(stores.redis_url)
    read = session_rows.state

    def read_then_end(*arguments: str) -> session_rows.SessionState | None:
        state = read(*arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        services.sessions.end(person.identity)
        return state

    monkeypatch.setattr(session_rows, "state", read_then_end)
    services.sessions.verify(person.identity)
    with pytest.raises(SessionRevoked):
        services.sessions.verify(person.identity)


def test_the_end_of_a_session_is_published_to_broadcasters(services: Services) -> None:
    person = Person.register(services)
    with services.pubsub_client.pubsub() as channel:
        channel.subscribe(keys.SESSIONS_ENDED)
        received: list[SessionsEnded] = []
        services.sessions.end(person.identity)

        def receive() -> bool:
            message = channel.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message:
                received.append(SessionsEnded.parse(message["data"]))
            return bool(received)

        await_true(receive, 5)
    assert received[0] == SessionsEnded(person.user_id, (person.identity.session_id,), "revoked")


def test_an_unknown_session_is_invalid(services: Services) -> None:
    person = Person.register(services)
    unknown = Identity(person.user_id, "11111111-1111-4111-8111-111111111111", "", 0)
    with pytest.raises(AuthInvalid):
        services.sessions.verify(unknown)


def test_a_login_reveals_a_ban_only_with_the_right_password(services: Services) -> None:
    person = Person.register(services)
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET status = 'banned'"))
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, "wrong password")
    with pytest.raises(UserBanned):
        services.accounts.log_in(person.username, PASSWORD)


def test_only_a_successful_login_sets_the_time_of_the_last_login(services: Services) -> None:
    person = Person.register(services)

    def last_login() -> object:
        with services.database.reading() as connection:
            return connection.execute(text("SELECT last_login_at FROM users")).scalar_one()

    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, "wrong password")
    assert last_login() is None
    services.accounts.log_in(person.username.upper(), PASSWORD)
    assert last_login() is not None


def test_one_of_many_concurrent_registrations_gets_the_name(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(), make_services()]
    for process in processes:
        # Otherwise some of the callers would be refused before the database is asked.
        process.passwords.allow_waiting(8)
    spellings = ["ada", "ADA", "Ada", "aDa"] * 2

    def register(number: int) -> bool:
        try:
            processes[number % 2].accounts.register(spellings[number], PASSWORD, "Ada")
        except UsernameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(register, range(8))) == 1
