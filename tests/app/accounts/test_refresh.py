"""Refresh rotation: the grace for lost answers, and the end of a session whose token leaked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg2
import pytest
from sqlalchemy import text

from app.accounts.session_cache import SessionCache
from app.accounts.sessions import GRACE_SECONDS, TokenPair
from app.audit.audited_change import Initiator
from app.contract.errors import (
    DatabaseUnavailable,
    RedisUnavailable,
    SessionRevoked,
    UserBanned,
)
from app.contract.identity import Identity
from tests.support.players import PASSWORD
from tests.support.servers import Stores
from tests.support.services import Services


def access(services: Services, pair: TokenPair) -> Identity:
    return services.verifier.verify(pair.access_token, "access")


def refresh(services: Services, pair: TokenPair) -> TokenPair:
    return services.sessions.refresh(services.verifier.verify(pair.refresh_token, "refresh"))


@pytest.fixture
def pair(services: Services) -> TokenPair:
    """The tokens of a new account."""
    return services.accounts.register("ada", PASSWORD, "Ada").tokens


def end_grace(services: Services) -> None:
    """Let the grace of every refresh token pass."""
    statement = text("UPDATE sessions SET refreshed_at = refreshed_at - make_interval(secs => :s)")
    with services.database.transaction() as connection:
        connection.execute(statement, {"s": GRACE_SECONDS + 0.1})


def test_a_refresh_gives_a_new_pair_of_the_same_session(
    services: Services, pair: TokenPair
) -> None:
    renewed = refresh(services, pair)
    services.sessions.verify(access(services, renewed))
    assert access(services, renewed).session_id == access(services, pair).session_id
    assert renewed.refresh_token != pair.refresh_token
    refresh(services, renewed)


def test_a_repeated_refresh_gets_the_same_refresh_token_and_valid_access(
    services: Services, pair: TokenPair
) -> None:
    first, again = refresh(services, pair), refresh(services, pair)
    assert again.refresh_token == first.refresh_token
    for tokens in (first, again):
        services.sessions.verify(access(services, tokens))
    # A repetition does not prolong the grace, nor replace the token again.
    assert refresh(services, first).refresh_token != first.refresh_token


def test_a_token_used_after_its_grace_ends_the_whole_session(
    services: Services, pair: TokenPair
) -> None:
    renewed = refresh(services, pair)
    refresh(services, pair)
    end_grace(services)
    with pytest.raises(SessionRevoked):
        refresh(services, pair)
    with pytest.raises(SessionRevoked):
        services.sessions.verify(access(services, renewed))
    with pytest.raises(SessionRevoked):
        refresh(services, renewed)


def test_a_token_before_the_previous_one_has_no_grace(services: Services, pair: TokenPair) -> None:
    newest = refresh(services, refresh(services, pair))
    with pytest.raises(SessionRevoked):
        refresh(services, pair)
    with pytest.raises(SessionRevoked):
        services.sessions.verify(access(services, newest))


def test_the_current_token_works_after_the_grace_of_the_previous_one(
    services: Services, pair: TokenPair
) -> None:
    renewed = refresh(services, pair)
    end_grace(services)
    refresh(services, renewed)


def test_all_of_many_concurrent_refreshes_get_the_same_refresh_token(
    services: Services, pair: TokenPair
) -> None:
    barrier = threading.Barrier(8)

    def refresh_together(_: int) -> TokenPair:
        barrier.wait()
        return refresh(services, pair)

    with ThreadPoolExecutor(8) as pool:
        renewed = list(pool.map(refresh_together, range(8)))
    assert len({each.refresh_token for each in renewed}) == 1
    for each in renewed:
        services.sessions.verify(access(services, each))


def test_the_grace_gives_no_tokens_of_an_ended_session(services: Services, pair: TokenPair) -> None:
    renewed = refresh(services, pair)
    services.sessions.end(access(services, renewed))
    with pytest.raises(SessionRevoked):
        refresh(services, pair)


def test_the_grace_gives_no_tokens_to_a_banned_user(services: Services, pair: TokenPair) -> None:
    refresh(services, pair)
    user = services.moderation.find("ada")
    services.moderation.ban(Initiator("operator:test", "a test"), user.id)
    with pytest.raises(UserBanned):
        refresh(services, pair)


@contextmanager
def commits_hanging(stores: Stores) -> Iterator[None]:
    """Let each update of a session wait before its commit, as a stalled disk does."""
    connection = psycopg2.connect(stores.database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END'"
        )
        cursor.execute(
            "CREATE CONSTRAINT TRIGGER stall AFTER UPDATE ON sessions"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION stall()"
        )
        cursor.execute("SELECT pg_advisory_lock(1)")
        yield
        cursor.execute("SELECT pg_advisory_unlock(1)")
        cursor.execute("DROP TRIGGER stall ON sessions")
    connection.close()


@pytest.mark.slow
def test_an_answer_lost_in_a_long_fault_of_the_database_does_not_end_the_session(
    services: Services, pair: TokenPair, stores: Stores
) -> None:
    with commits_hanging(stores), pytest.raises(DatabaseUnavailable):
        refresh(services, pair)
    # As if the rotation was committed, a minute before PostgreSQL answers again.
    statement = text(
        "UPDATE sessions SET previous_refresh_token_id = refresh_token_id,"
        " refresh_token_id = gen_random_uuid(), refreshed_at = now() - interval '60 s'"
    )
    with services.database.transaction() as connection:
        connection.execute(statement)
    refresh(services, refresh(services, pair))


def test_without_redis_a_refresh_token_is_not_used(
    services: Services, pair: TokenPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise RedisUnavailable

    monkeypatch.setattr(SessionCache, "refresh_is_uncertain", fail)
    with pytest.raises(RedisUnavailable):
        refresh(services, pair)
    monkeypatch.undo()
    refresh(services, pair)
