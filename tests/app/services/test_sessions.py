"""Accounts and sessions: rotation, reuse, and ends that hold everywhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.contract.errors import (
    AuthInvalid,
    InvalidCredentials,
    SessionRevoked,
    UserBanned,
    UsernameTaken,
)
from app.contract.identity import Identity
from app.contract.messages import SessionsEnded
from app.services.sessions import TokenPair
from app.stores import sessions as session_rows
from tests.app.people import PASSWORD, Person
from tests.awaiting import await_true
from tests.servers import Stores, empty


def access(services: Services, pair: TokenPair) -> Identity:
    return services.verifier.verify(pair.access_token, "access")


def refresh(services: Services, pair: TokenPair) -> Identity:
    return services.verifier.verify(pair.refresh_token, "refresh")


def test_a_refresh_gives_a_new_pair_of_the_same_session(services: Services) -> None:
    pair = services.accounts.register("ada", PASSWORD, "Ada").tokens
    renewed = services.sessions.refresh(refresh(services, pair))
    services.sessions.verify(access(services, renewed))
    assert access(services, renewed).session_id == access(services, pair).session_id
    services.sessions.refresh(refresh(services, renewed))


def test_a_refresh_token_used_again_ends_the_whole_session(services: Services) -> None:
    pair = services.accounts.register("ada", PASSWORD, "Ada").tokens
    renewed = services.sessions.refresh(refresh(services, pair))
    with pytest.raises(SessionRevoked):
        services.sessions.refresh(refresh(services, pair))
    with pytest.raises(SessionRevoked):
        services.sessions.verify(access(services, renewed))
    with pytest.raises(SessionRevoked):
        services.sessions.refresh(refresh(services, renewed))


def test_of_many_refreshes_at_once_with_one_token_at_most_one_succeeds(services: Services) -> None:
    pair = services.accounts.register("ada", PASSWORD, "Ada").tokens
    barrier = threading.Barrier(8)

    def try_refresh(_: int) -> bool:
        barrier.wait()
        try:
            services.sessions.refresh(refresh(services, pair))
        except SessionRevoked:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_refresh, range(8))) <= 1
    with pytest.raises(SessionRevoked):
        services.sessions.verify(access(services, pair))


def test_logging_out_ends_this_session_only(services: Services) -> None:
    first = access(services, services.accounts.register("ada", PASSWORD, "Ada").tokens)
    second = access(services, services.accounts.log_in("Ada", PASSWORD).tokens)
    services.sessions.end(first)
    with pytest.raises(SessionRevoked):
        services.sessions.verify(first)
    services.sessions.verify(second)


def test_a_new_password_ends_every_other_session(services: Services) -> None:
    own = access(services, services.accounts.register("ada", PASSWORD, "Ada").tokens)
    others = [access(services, services.accounts.log_in("ada", PASSWORD).tokens) for _ in "ab"]
    with pytest.raises(InvalidCredentials):
        services.accounts.change_password(own, "wrong password", "another password")
    services.accounts.change_password(own, PASSWORD, "another password")
    services.sessions.verify(own)
    for other in others:
        with pytest.raises(SessionRevoked):
            services.sessions.verify(other)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in("ada", PASSWORD)
    services.accounts.log_in("ada", "another password")


def test_sessions_survive_a_redis_that_lost_everything(services: Services, stores: Stores) -> None:
    person = Person.register(services)
    empty(stores.redis_url)
    services.sessions.verify(person.identity)
    assert services.redis.get(keys.session(person.user_id, person.identity.session_id)) == "active"


def test_a_slow_reader_does_not_revive_a_session_that_ended_meanwhile(
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


def test_the_end_of_a_session_is_announced_to_broadcasters(services: Services) -> None:
    person = Person.register(services)
    with services.pubsub_client.pubsub() as channel:
        channel.subscribe(keys.SESSIONS_ENDED)
        received: list[SessionsEnded] = []
        services.sessions.end(person.identity)

        def heard() -> bool:
            message = channel.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message:
                received.append(SessionsEnded.parse(message["data"]))
            return bool(received)

        await_true(heard, 1)
    assert received[0] == SessionsEnded(person.user_id, (person.identity.session_id,), "revoked")


def test_an_unknown_session_is_invalid(services: Services) -> None:
    person = Person.register(services)
    stranger = Identity(person.user_id, "11111111-1111-4111-8111-111111111111", "", 0)
    with pytest.raises(AuthInvalid):
        services.sessions.verify(stranger)


def test_the_banned_are_told_only_after_the_right_password(services: Services) -> None:
    person = Person.register(services)
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET status = 'banned'"))
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, "wrong password")
    with pytest.raises(UserBanned):
        services.accounts.log_in(person.username, PASSWORD)


def test_a_login_is_noted_and_a_failed_one_is_not(services: Services) -> None:
    person = Person.register(services)

    def last_login() -> object:
        with services.database.reading() as connection:
            return connection.execute(text("SELECT last_login_at FROM users")).scalar_one()

    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(person.username, "wrong password")
    assert last_login() is None
    services.accounts.log_in(person.username.upper(), PASSWORD)
    assert last_login() is not None


def test_of_many_registrations_at_once_one_gets_the_name(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(), make_services()]
    spellings = ["ada", "ADA", "Ada", "aDa"] * 2

    def register(number: int) -> bool:
        try:
            processes[number % 2].accounts.register(spellings[number], PASSWORD, "Ada")
        except UsernameTaken:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(register, range(8))) == 1
