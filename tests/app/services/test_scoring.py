"""An increment: counted once, refused for a reason, and never charged for twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from app.composition import Services
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
from app.services.action_tokens import ActionToken, ActionTokenCodec
from app.services.scoring import Increment
from tests.app.people import Person
from tests.servers import Stores, empty


def ledger(services: Services, person: Person) -> tuple[int, int, int]:
    """The player's score, number of actions and sum of points, as PostgreSQL has them."""
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


def aged(services: Services, person: Person, milliseconds: int) -> str:
    """A token of that age, signed with the system's own secret."""
    codec = ActionTokenCodec(services.settings.action_token_secret)
    issued_at = int(time.time() * 1000) - milliseconds
    return codec.encode(ActionToken(person.user_id, issued_at, codec.new_nonce()))


def test_a_spent_token_gives_one_point_and_says_where_the_player_stands(
    services: Services,
) -> None:
    person = Person.register(services)
    counted = services.scoring.increment(person.identity, person.token())
    assert (counted.outcome.score, counted.outcome.rank) == (1, 1)
    assert services.leaderboard.top().version.number >= (counted.outcome.board_version or 0) > 0
    assert ledger(services, person) == (1, 1, 1)


def test_a_token_spent_again_is_used_and_tells_the_first_result(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    first = services.scoring.increment(person.identity, token).outcome
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert refusal.value.details == first.as_json()
    assert ledger(services, person) == (1, 1, 1)


def test_the_first_result_is_told_although_the_player_scored_since(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    services.scoring.increment(person.identity, token)
    person.score(2)
    with pytest.raises(TokenUsed) as refusal:
        services.scoring.increment(person.identity, token)
    assert refusal.value.details is not None
    assert refusal.value.details["newScore"] == 1


def test_a_used_token_is_known_after_redis_lost_everything(
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


def test_a_used_token_is_known_as_used_after_its_life(services: Services) -> None:
    person = Person.register(services)
    token = aged(services, person, 58_500)
    services.scoring.increment(person.identity, token)
    past_its_life = time.monotonic() + 2
    while time.monotonic() < past_its_life:
        with pytest.raises(TokenUsed):
            services.scoring.increment(person.identity, token)


def test_a_token_that_redis_calls_used_but_nobody_counted_counts(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    nonce = ActionTokenCodec(services.settings.action_token_secret).decode(token, person.user_id)
    # A process that died between admission and commit leaves this behind.
    services.redis.hset(keys.action_token(person.user_id, nonce.nonce), "used", "1")
    assert services.scoring.increment(person.identity, token).outcome.score == 1


def test_a_token_past_its_life_is_expired_and_not_counted(services: Services) -> None:
    person = Person.register(services)
    for age in (60_050, 75_000, 86_400_000):
        with pytest.raises(TokenExpired):
            services.scoring.increment(person.identity, aged(services, person, age))
    assert ledger(services, person) == (0, 0, 0)


def test_a_token_a_little_within_its_life_counts(services: Services) -> None:
    person = Person.register(services)
    services.scoring.increment(person.identity, aged(services, person, 57_000))
    assert ledger(services, person) == (1, 1, 1)


def test_a_token_of_the_future_is_invalid(services: Services) -> None:
    person = Person.register(services)
    with pytest.raises(TokenInvalid):
        services.scoring.increment(person.identity, aged(services, person, -61_000))


def test_200_spends_at_once_of_one_token_in_two_processes_give_one_point(
    make_services: Callable[..., Services],
) -> None:
    processes = [make_services(), make_services()]
    person = Person.register(processes[0])
    token = person.token()

    def spend(number: int) -> Increment | TokenUsed:
        try:
            return processes[number % 2].scoring.increment(person.identity, token)
        except TokenUsed as used:
            return used

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(spend, range(200)))
    counted = [reply for reply in replies if isinstance(reply, Increment)]
    assert len(counted) == 1
    results = [reply.details for reply in replies if isinstance(reply, TokenUsed)]
    assert results == [counted[0].outcome.as_json()] * 199
    assert ledger(processes[0], person) == (1, 1, 1)


def test_a_limited_attempt_leaves_its_token_unspent(make_services: Callable[..., Services]) -> None:
    services = make_services(INCREMENT_LIMIT="2 per 2 seconds")
    person = Person.register(services)
    tokens = [person.token() for _ in range(3)]
    for token in tokens[:2]:
        services.scoring.increment(person.identity, token)
    with pytest.raises(RateLimited) as refusal:
        services.scoring.increment(person.identity, tokens[2])
    allowance = refusal.value.allowance
    assert (allowance.limit, allowance.remaining) == (2, 0)
    assert 1 <= allowance.retry_after <= 2
    time.sleep(allowance.retry_after)
    assert services.scoring.increment(person.identity, tokens[2]).outcome.score == 3


def test_repeating_a_token_is_charged_once(make_services: Callable[..., Services]) -> None:
    services = make_services(INCREMENT_LIMIT="2 per minute")
    person = Person.register(services)
    first, second, third = (person.token() for _ in range(3))
    services.scoring.increment(person.identity, first)
    for _ in range(5):
        with pytest.raises(TokenUsed):
            services.scoring.increment(person.identity, first)
    assert services.scoring.increment(person.identity, second).allowance.remaining == 0
    with pytest.raises(RateLimited):
        services.scoring.increment(person.identity, third)


def test_every_limit_of_several_holds(make_services: Callable[..., Services]) -> None:
    services = make_services(TOKEN_LIMIT="2 per second;3 per minute")
    person = Person.register(services)
    person.token()
    person.token()
    with pytest.raises(RateLimited) as soon:
        person.token()
    assert soon.value.allowance.retry_after == 1
    time.sleep(1)
    person.token()
    with pytest.raises(RateLimited) as late:
        person.token()
    assert late.value.allowance.retry_after > 50


def test_concurrent_requests_of_one_user_never_pass_the_limit(
    make_services: Callable[..., Services],
) -> None:
    services = make_services(TOKEN_LIMIT="7 per minute")
    person = Person.register(services)

    def ask(_: int) -> bool:
        try:
            person.token()
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(ask, range(60))) == 7


def test_somebody_elses_token_is_invalid_and_stays_good_for_its_owner(services: Services) -> None:
    owner, thief = Person.register(services), Person.register(services)
    token = owner.token()
    with pytest.raises(TokenInvalid):
        services.scoring.increment(thief.identity, token)
    assert services.scoring.increment(owner.identity, token).outcome.score == 1
    assert ledger(services, thief) == (0, 0, 0)


def test_a_token_of_another_secret_is_invalid(services: Services) -> None:
    person = Person.register(services)
    forger = ActionTokenCodec(b"another secret of more than 32 bytes!")
    forged = forger.encode(ActionToken(person.user_id, 1_700_000_000_000, forger.new_nonce()))
    with pytest.raises(TokenInvalid):
        services.scoring.increment(person.identity, forged)


def test_an_ended_session_neither_gets_nor_spends_tokens(services: Services) -> None:
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


def test_a_ban_in_postgresql_alone_stops_the_next_increment(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    execute(services, "UPDATE users SET status = 'banned' WHERE id = :id", id=person.user_id)
    with pytest.raises(UserBanned):
        services.scoring.increment(person.identity, token)
    assert ledger(services, person) == (0, 0, 0)


def test_a_user_who_is_gone_is_not_let_in(services: Services, stores: Stores) -> None:
    person = Person.register(services)
    execute(services, "DELETE FROM users WHERE id = :id", id=person.user_id)
    empty(stores.redis_url)
    with pytest.raises(AuthInvalid):
        person.token()


def test_attempts_are_counted_a_kind_and_a_nonce(services: Services) -> None:
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
