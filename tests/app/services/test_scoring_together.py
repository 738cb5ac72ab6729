"""Increments side by side: one transaction for all of them, and none in the way of another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg2
import pytest
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.contract.errors import DatabaseUnavailable, DomainError, TokenUsed, UserBanned
from app.gathering import run_together
from app.services.moderation import Act
from app.services.scoring import Increment
from tests.app.people import Person
from tests.servers import Stores

Spending = tuple[Person, str]
Result = Increment | DomainError


def spend_together(spendings: Sequence[Spending]) -> list[tuple[Person, Result]]:
    """Who came to an end with what, in the order of their ends."""
    ended: list[tuple[Person, Result]] = []

    def spend(person: Person, token: str) -> None:
        result: Result
        try:
            result = person.services.scoring.increment(person.identity, token)
        except DomainError as refusal:
            result = refusal
        ended.append((person, result))

    run_together([partial(spend, *spending) for spending in spendings])
    return ended


def score_of(result: Result) -> int:
    assert isinstance(result, Increment), result
    return result.outcome.score


def transactions(services: Services) -> int:
    """How many wrote the actions that are there."""
    with services.database.reading() as connection:
        return int(connection.scalar(text("SELECT count(DISTINCT xmin::text) FROM actions")))


def people(services: Services, number: int) -> list[Spending]:
    """So many players with a token each."""
    found = [Person.register(services) for _ in range(number)]
    return [(person, person.token()) for person in found]


def test_increments_side_by_side_are_one_transaction_and_one_announcement(
    services: Services,
) -> None:
    services.index_keeper.keep()
    leader, *others = people(services, 8)
    leader[0].score(3)
    before = transactions(services)
    with services.redis.pubsub() as listening:
        listening.subscribe(keys.SCORE_UPDATE)
        assert listening.get_message(timeout=5)["type"] == "subscribe"
        ended = spend_together([leader, *others])
        assert listening.get_message(timeout=5)["type"] == "message"
        assert listening.get_message(timeout=0.1) is None
    assert transactions(services) == before + 1
    outcomes = {
        person.user_id: result.outcome for person, result in ended if isinstance(result, Increment)
    }
    first = outcomes[leader[0].user_id]
    assert (first.score, first.rank) == (4, 1)
    later = [outcomes[person.user_id] for person, _ in others]
    assert [(outcome.score, outcome.rank) for outcome in later] == [(1, 2)] * 7
    (version,) = {outcome.board_version for outcome in outcomes.values()}
    assert services.leaderboard.top().version.number >= (version or 0) > 0
    assert services.ledger_check.verify().sound


def test_two_tokens_of_one_player_side_by_side_both_count(services: Services) -> None:
    person = Person.register(services)
    ended = spend_together([(person, person.token()) for _ in range(3)])
    assert sorted(score_of(result) for _, result in ended) == [1, 2, 3]
    assert services.ledger_check.verify().sound


def test_one_token_many_times_side_by_side_counts_once(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    (_, counted), *again = spend_together([(person, token)] * 5)
    assert score_of(counted) == 1
    first_results = [
        dict(result.details or {}) for _, result in again if isinstance(result, TokenUsed)
    ]
    assert [(each["newScore"], each["newRank"]) for each in first_results] == [(1, 1)] * 4
    assert services.ledger_check.verify().sound


def test_who_is_refused_is_refused_alone(services: Services, stores: Stores) -> None:
    spendings = people(services, 4)
    used, banned, *_ = spendings
    services.scoring.increment(used[0].identity, used[1])
    # By PostgreSQL alone, as when Redis was not told yet.
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE users SET status = 'banned' WHERE id = %s", [banned[0].user_id])
    results = {person.user_id: result for person, result in spend_together(spendings)}
    assert isinstance(results[used[0].user_id], TokenUsed)
    assert isinstance(results[banned[0].user_id], UserBanned)
    assert [score_of(results[person.user_id]) for person, _ in spendings[2:]] == [1, 1]


def test_a_player_whom_somebody_has_locked_holds_nobody_up(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 5)
    locked = spendings[2][0]
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [locked.user_id])
        ended = spend_together(spendings)
    # PostgreSQL gives the lock up after a while, as for any request.
    assert [score_of(result) for _, result in ended[:4]] == [1] * 4
    assert ended[4][0] is locked
    assert isinstance(ended[4][1], DatabaseUnavailable)
    token = next(token for person, token in spendings if person is locked)
    assert score_of(spend_together([(locked, token)])[0][1]) == 1
    assert services.ledger_check.verify().sound


def test_a_statement_that_fails_for_one_player_fails_for_that_one_alone(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 5)
    cursed = spendings[1][0]
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE division_by_zero; END $$;"
            f"CREATE TRIGGER cursed BEFORE INSERT ON actions FOR EACH ROW"
            f" WHEN (NEW.user_id = '{cursed.user_id}') EXECUTE FUNCTION fail()"
        )
    results = {person.user_id: result for person, result in spend_together(spendings)}
    assert isinstance(results.pop(cursed.user_id), DatabaseUnavailable)
    assert [score_of(result) for result in results.values()] == [1] * 4
    assert services.ledger_check.verify().sound


def test_a_redis_that_knows_no_script_is_told_it_for_all(services: Services) -> None:
    spendings = people(services, 4)
    services.redis.script_flush()
    assert [score_of(result) for _, result in spend_together(spendings)] == [1] * 4


@pytest.mark.slow
def test_the_same_players_in_opposite_order_in_two_processes_never_lock_each_other(
    make_services: Callable[..., Services],
) -> None:
    here, there = (
        make_services(INCREMENT_LIMIT="1000 per minute", TOKEN_LIMIT="1000 per minute",
                      FRAUD_RAPID_MAX="1000000")
        for _ in range(2)
    )  # fmt: skip
    players = [Person.register(here) for _ in range(6)]
    abroad = [Person(there, each.user_id, each.username, each.identity) for each in players]
    rounds, meet = 40, threading.Barrier(2)

    def play(order: Sequence[Person]) -> list[Result]:
        results: list[Result] = []
        for _ in range(rounds):
            spendings = [(person, person.token()) for person in order]
            meet.wait(30)
            results += [result for _, result in spend_together(spendings)]
        return results

    with ThreadPoolExecutor(2) as pool:
        for results in pool.map(play, (players, abroad[::-1])):
            assert [type(result) for result in results] == [Increment] * rounds * len(players)
    assert here.ledger_check.verify().sound
    assert all(person.score().score == 2 * rounds + 1 for person in players)


def test_a_ban_amid_increments_side_by_side_takes_the_player_off_the_board(
    make_services: Callable[..., Services],
) -> None:
    here, there = make_services(), make_services()
    here.index_keeper.keep()
    spendings = people(here, 6)
    banned = spendings[3][0]
    with ThreadPoolExecutor(1) as pool:
        ban = pool.submit(there.moderation.ban, Act("test", "too fast"), banned.user_id)
        spend_together(spendings)
        ban.result()
    assert here.redis.zscore(keys.INDEX_SCORES, banned.user_id) is None
    assert {row.user_id for row in here.leaderboard.top().rows} == {
        person.user_id for person, _ in spendings if person is not banned
    }
