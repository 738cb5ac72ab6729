"""Increments in one batch: one transaction for all, and none delays or breaks another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.channels import ScoreUpdate
from app.contract.errors import (
    DatabaseUnavailable,
    TokenUsed,
    UserBanned,
)
from app.scoring.scoring import Increment
from tests.app.scoring.spendings import Result, people, score_of, spend_batch
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services

pytestmark = pytest.mark.slow


def transactions(services: Services) -> int:
    """The number of transactions that wrote the existing actions."""
    with services.database.reading() as connection:
        return int(connection.scalar(text("SELECT count(DISTINCT xmin::text) FROM actions")))


def test_a_batch_of_increments_is_one_transaction_and_one_announcement(
    services: Services,
) -> None:
    services.reconciler.run_pass()
    leader, *others = people(services, 8)
    leader[0].score(3)
    before = transactions(services)
    with services.redis.pubsub() as listening:
        listening.subscribe(keys.SCORE_UPDATE)
        assert listening.get_message(timeout=5)["type"] == "subscribe"
        ended = spend_batch([leader, *others])
        announced = ScoreUpdate.parse(listening.get_message(timeout=5)["data"])
        assert listening.get_message(timeout=0.1) is None
    assert transactions(services) == before + 1
    # Broadcasters learn the names of the new players too.
    assert announced.delta is not None
    rows = {(row.user_id, row.username, row.display_name) for row in announced.delta.rows}
    assert rows == {(each.user_id, each.username, "Player") for each, _ in [leader, *others]}
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


def test_all_tokens_of_one_player_in_a_batch_count(services: Services) -> None:
    person = Person.register(services)
    ended = spend_batch([(person, person.token()) for _ in range(3)])
    assert sorted(score_of(result) for _, result in ended) == [1, 2, 3]
    assert services.ledger_check.verify().sound


def test_a_token_repeated_in_a_batch_counts_once(services: Services) -> None:
    person = Person.register(services)
    token = person.token()
    (_, counted), *again = spend_batch([(person, token)] * 5)
    assert score_of(counted) == 1
    first_results = [
        dict(result.details or {}) for _, result in again if isinstance(result, TokenUsed)
    ]
    assert [(each["newScore"], each["newRank"]) for each in first_results] == [(1, 1)] * 4
    assert services.ledger_check.verify().sound


def test_a_refused_increment_does_not_affect_the_rest_of_the_batch(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 4)
    used, banned, *_ = spendings
    services.scoring.increment(used[0].identity, used[1])
    # Only in PostgreSQL, as before the ban is published.
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE users SET status = 'banned' WHERE id = %s", [banned[0].user_id])
    results = {person.user_id: result for person, result in spend_batch(spendings)}
    assert isinstance(results[used[0].user_id], TokenUsed)
    assert isinstance(results[banned[0].user_id], UserBanned)
    assert [score_of(results[person.user_id]) for person, _ in spendings[2:]] == [1, 1]


def test_a_statement_that_fails_for_one_player_does_not_fail_for_the_others(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 5)
    failing = spendings[1][0]
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE division_by_zero; END $$;"
            f"CREATE TRIGGER failing BEFORE INSERT ON actions FOR EACH ROW"
            f" WHEN (NEW.user_id = '{failing.user_id}') EXECUTE FUNCTION fail()"
        )
    results = {person.user_id: result for person, result in spend_batch(spendings)}
    assert isinstance(results.pop(failing.user_id), DatabaseUnavailable)
    assert [score_of(result) for result in results.values()] == [1] * 4
    assert services.ledger_check.verify().sound


def test_a_batch_succeeds_after_redis_lost_its_scripts(services: Services) -> None:
    spendings = people(services, 4)
    services.redis.script_flush()
    assert [score_of(result) for _, result in spend_batch(spendings)] == [1] * 4


def test_batches_of_the_same_players_in_opposite_order_do_not_deadlock(
    make_services: Callable[..., Services],
) -> None:
    here, there = (
        make_services(INCREMENT_LIMIT="1000 per minute", TOKEN_LIMIT="1000 per minute",
                      FRAUD_RAPID_MAX="1000000")
        for _ in range(2)
    )  # fmt: skip
    players = [Person.register(here) for _ in range(6)]
    players_there = [Person(there, each.user_id, each.username, each.identity) for each in players]
    rounds, barrier = 40, threading.Barrier(2)

    def play(order: Sequence[Person]) -> list[Result]:
        results: list[Result] = []
        for _ in range(rounds):
            spendings = [(person, person.token()) for person in order]
            barrier.wait(30)
            results += [result for _, result in spend_batch(spendings)]
        return results

    with ThreadPoolExecutor(2) as pool:
        for results in pool.map(play, (players, players_there[::-1])):
            assert [type(result) for result in results] == [Increment] * rounds * len(players)
    assert here.ledger_check.verify().sound
    assert all(person.score().score == 2 * rounds + 1 for person in players)


def test_a_ban_during_a_batch_removes_the_player_from_the_board(
    make_services: Callable[..., Services],
) -> None:
    here, there = make_services(), make_services()
    here.reconciler.run_pass()
    spendings = people(here, 6)
    banned = spendings[3][0]
    with ThreadPoolExecutor(1) as pool:
        ban = pool.submit(there.moderation.ban, Initiator("test", "too fast"), banned.user_id)
        spend_batch(spendings)
        ban.result()
    assert here.redis.zscore(keys.INDEX_SCORES, banned.user_id) is None
    assert {row.user_id for row in here.leaderboard.top().rows} == {
        person.user_id for person, _ in spendings if person is not banned
    }
