"""Increments: counted once, refused with a reason, and charged to the limit once."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.contract import keys
from app.contract.errors import (
    AuthInvalid,
    RateLimited,
    SessionRevoked,
    TokenExpired,
    TokenInvalid,
    TokenUsed,
    UserBanned,
)
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from app.scoring.scoring import Increment
from tests.support.players import Person
from tests.support.servers import Stores, empty
from tests.support.services import Services


def ledger(services: Services, person: Person) -> tuple[int, int, int]:
    """The player's score, number of actions and sum of points in PostgreSQL."""
    query = text(
        "SELECT u.score, count(a.id), coalesce(sum(a.points), 0)"
        " FROM users u LEFT JOIN actions a ON a.user_id = u.id WHERE u.id = :id GROUP BY u.score"
    )
    with services.database.reading() as connection:
        score, number, points = connection.execute(query, {"id": person.user_id}).one()
    return score, number, points


def execute(services: Services, statement: str, **values: object) -> None:
    with services.database.transaction() as connection:
        connection.execute(text(statement), values)


def test_a_spent_token_gives_one_point_and_returns_score_and_rank(
    services: Services,
) -> None:
    person = Person.register(services)
    counted = services.scoring.increment(person.identity, person.token())
    assert (counted.outcome.score, counted.outcome.rank) == (1, 1)
    assert services.leaderboard.top().version.number >= (counted.outcome.board_version or 0) > 0
    assert ledger(services, person) == (1, 1, 1)


def test_a_token_spent_again_is_used_and_returns_the_first_result(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    first = services.scoring.increment(person.identity, token).outcome
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert refusal.value.details == first.as_json()
    assert ledger(services, person) == (1, 1, 1)


def test_the_first_result_is_returned_although_the_player_scored_since(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    services.scoring.increment(person.identity, token)
    person.score(2)
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert refusal.value.details is not None
    assert refusal.value.details["newScore"] == 1


def test_a_used_token_is_used_after_redis_lost_everything(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    token = person.token()
    services.scoring.increment(person.identity, token)
    empty(stores.redis_url)
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)
    assert ledger(services, person) == (1, 1, 1)


def test_an_unused_token_counts_after_redis_lost_everything(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    token = person.token()
    empty(stores.redis_url)
    assert services.scoring.increment(person.identity, token).outcome.score == 1


@pytest.mark.slow
def test_a_used_token_is_used_after_its_expiry(services: Services) -> None:
    person = Person.register(services)
    token = person.aged_token(58_500)
    services.scoring.increment(person.identity, token)
    past_its_expiry = time.monotonic() + 2
    while time.monotonic() < past_its_expiry:
        time.sleep(0.2)  # So that the repeats stay within their limit.
        with pytest.raises(TokenUsed):
            services.scoring.increment(person.identity, token)


def test_a_token_marked_as_used_in_redis_but_not_counted_counts(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    nonce = ActionTokenCodec(services.settings.action_token_secret).decode(token, person.user_id)
    # As after the death of a process between admission and commit.
    services.redis.hset(keys.action_token(person.user_id, nonce.nonce), "used", "1")
    assert services.scoring.increment(person.identity, token).outcome.score == 1


def test_a_token_past_its_expiry_is_not_counted(services: Services) -> None:
    person = Person.register(services)
    for age in (60_050, 75_000, 86_400_000):
        with pytest.raises(TokenExpired):
            services.scoring.increment(person.identity, person.aged_token(age))
    assert ledger(services, person) == (0, 0, 0)


def test_a_token_shortly_before_its_expiry_counts(services: Services) -> None:
    person = Person.register(services)
    services.scoring.increment(person.identity, person.aged_token(57_000))
    assert ledger(services, person) == (1, 1, 1)


def test_a_token_of_the_future_is_invalid(services: Services) -> None:
    person = Person.register(services)
    with pytest.raises(TokenInvalid):
        services.scoring.increment(person.identity, person.aged_token(-61_000))


def test_200_parallel_spends_of_one_token_in_two_processes_give_one_point(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(), make_services()]
    person = Person.register(processes[0])
    token = person.token()

    def spend(number: int) -> Increment | TokenUsed | RateLimited:
        try:
            return processes[number % 2].scoring.increment(person.identity, token)
        except (TokenUsed, RateLimited) as refusal:
            return refusal

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(spend, range(200)))
    counted = [reply for reply in replies if isinstance(reply, Increment)]
    assert len(counted) == 1
    results = [reply.details for reply in replies if isinstance(reply, TokenUsed)]
    assert len(results) >= 20  # 20 are answered within 10 s; the others are limited.
    assert results == [counted[0].outcome.as_json()] * len(results)
    assert ledger(processes[0], person) == (1, 1, 1)


def test_another_users_token_is_invalid_and_stays_valid_for_its_owner(services: Services) -> None:
    owner, thief = Person.register(services), Person.register(services)
    token = owner.token()
    with pytest.raises(TokenInvalid):
        services.scoring.increment(thief.identity, token)
    assert services.scoring.increment(owner.identity, token).outcome.score == 1
    assert ledger(services, thief) == (0, 0, 0)


def test_a_token_signed_with_another_secret_is_invalid(services: Services) -> None:
    person = Person.register(services)
    forger = ActionTokenCodec(b"another secret of more than 32 bytes!")
    forged = forger.encode(ActionToken(person.user_id, 1_700_000_000_000, forger.new_nonce()))
    with pytest.raises(TokenInvalid):
        services.scoring.increment(person.identity, forged)


def test_an_ended_session_can_neither_get_nor_spend_tokens(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    services.sessions.end(person.identity)
    with pytest.raises(SessionRevoked):
        person.token()
    with pytest.raises(SessionRevoked):
        services.scoring.increment(person.identity, token)
    with pytest.raises(SessionRevoked):
        services.scoring.increment(person.identity, "not a token")
    assert ledger(services, person) == (0, 0, 0)


def test_an_ended_session_stays_ended_after_redis_lost_everything(
    services: Services, stores: Stores
) -> None:
    person = Person.register(services)
    services.sessions.end(person.identity)
    empty(stores.redis_url)
    with pytest.raises(SessionRevoked):
        person.token()


def test_a_ban_that_only_postgresql_has_stops_the_next_increment(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    execute(services, "UPDATE users SET status = 'banned' WHERE id = :id", id=person.user_id)
    with pytest.raises(UserBanned):
        services.scoring.increment(person.identity, token)
    assert ledger(services, person) == (0, 0, 0)


def test_a_removed_user_gets_no_token(services: Services, stores: Stores) -> None:
    person = Person.register(services)
    execute(services, "DELETE FROM users WHERE id = :id", id=person.user_id)
    empty(stores.redis_url)
    with pytest.raises(AuthInvalid):
        person.token()


def test_attempts_are_counted_by_kind_and_nonce(services: Services) -> None:
    person = Person.register(services)
    for _ in range(3):
        token = person.token()
    services.scoring.increment(person.identity, token)
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)
    for _ in range(2):
        with pytest.raises(TokenInvalid):
            services.scoring.increment(person.identity, "garbage")
    assert services.redis.zcard(keys.attempts(person.user_id, "token")) == 3
    assert services.redis.zcard(keys.attempts(person.user_id, "increment")) == 3
