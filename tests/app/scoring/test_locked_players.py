"""Increments of a batch while another session has locked players or a table."""

from __future__ import annotations

import time

import psycopg2
import pytest

from app.contract.errors import AuthInvalid, DatabaseUnavailable
from app.scoring.scoring import Increment
from tests.app.scoring.spendings import people, score_of, spend_batch
from tests.app.scoring.test_board_tokens import arena
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

PROMISED_SECONDS = 2.0


def test_a_locked_player_delays_no_other_player(services: Services, stores: Stores) -> None:
    spendings = people(services, 5)
    locked = spendings[2][0]
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [locked.user_id])
        ended = spend_batch(spendings)
    # The locked player fails after the lock timeout, as in a request without a batch.
    assert [score_of(result) for _, result in ended[:4]] == [1] * 4
    assert ended[4][0] is locked
    assert isinstance(ended[4][1], DatabaseUnavailable)
    token = next(token for person, token in spendings if person is locked)
    assert score_of(spend_batch([(locked, token)])[0][1]) == 1
    assert services.ledger_check.verify().sound


def test_a_board_whose_clock_is_being_changed_delays_no_other_board(
    services: Services, stores: Stores
) -> None:
    board = arena(services)
    spendings = people(services, 4)
    person = Person.register(services)
    waiting = person, person.token("arena")
    spendings.insert(1, waiting)
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        cursor.execute("SELECT lock_clock_alone(%s)", [board.id])
        ended = spend_batch(spendings)
    assert [score_of(result) for _, result in ended[:4]] == [1] * 4
    assert isinstance(ended[4][1], DatabaseUnavailable)
    assert score_of(spend_batch([waiting])[0][1]) == 1
    assert services.ledger_check.verify().sound


def test_locked_players_fail_together_in_the_promised_time(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 12)
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        ids = [person.user_id for person, _ in spendings[:10]]
        cursor.execute("SELECT FROM users WHERE id = ANY(%s::uuid[]) FOR UPDATE", [ids])
        begun = time.monotonic()
        ended = spend_batch(spendings)
        assert time.monotonic() - begun < PROMISED_SECONDS
    assert [score_of(result) for _, result in ended[:2]] == [1, 1]
    assert {type(result) for _, result in ended[2:]} == {DatabaseUnavailable}


def test_after_a_locked_table_was_found_further_increments_fail_at_once(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 6)
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        cursor.execute("LOCK TABLE actions")
        begun = time.monotonic()
        # Those of the second batch have waited for the first one before.
        ended = spend_batch(spendings[:3]) + spend_batch(spendings[3:])
        assert time.monotonic() - begun < PROMISED_SECONDS
    assert {type(result) for _, result in ended} == {DatabaseUnavailable}
    await_true(lambda: isinstance(spend_batch(spendings[:1])[0][1], Increment), 5)
    assert [score_of(result) for _, result in spend_batch(spendings[1:])] == [1] * 5


def test_a_player_whom_postgresql_does_not_know_is_not_taken_for_a_locked_one(
    services: Services, stores: Stores
) -> None:
    spendings = people(services, 3)
    unknown = spendings[0][0]
    with psycopg2.connect(stores.database_url) as other, other.cursor() as cursor:
        cursor.execute("DELETE FROM sessions WHERE user_id = %s", [unknown.user_id])
        cursor.execute("DELETE FROM users WHERE id = %s", [unknown.user_id])
    results = {person.user_id: result for person, result in spend_batch(spendings)}
    assert isinstance(results.pop(unknown.user_id), AuthInvalid)
    assert [score_of(result) for result in results.values()] == [1, 1]
