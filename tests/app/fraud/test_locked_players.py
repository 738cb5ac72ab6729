"""A verdict on a player whose row another transaction has locked."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import psycopg2
import pytest

from app.concurrency.batching import run_batch
from tests.app.fraud.attempts import FINE, WARNED, Attempted, actions, ask, burst
from tests.support.players import Person
from tests.support.servers import Stores
from tests.support.services import Services

pytestmark = pytest.mark.slow

PROMISED_SECONDS = 2.0


def ask_together(*people: Person, then: Callable[[], object] | None = None) -> list[object]:
    """The answers to one request of each person in one batch, in the order of their end.

    `then` is called when only requests that wait for a lock are left.
    """
    ended: list[object] = []

    def request(person: Person) -> None:
        ended.append((person, ask(person)))

    def take_more(seconds: float) -> tuple[()]:
        if then is not None:
            then()
        time.sleep(seconds)
        return ()

    run_batch([partial(request, person) for person in people], take_more)
    return ended


def test_a_locked_suspect_delays_no_other_player_and_is_flagged_after_the_lock(
    watched: Services, stores: Stores
) -> None:
    suspect, other = Person.register(watched), Person.register(watched)
    for _ in range(8):
        assert ask(suspect) == FINE
    with psycopg2.connect(stores.database_url) as holding, holding.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [suspect.user_id])
        ended = ask_together(suspect, other, then=holding.rollback)
    assert ended == [(other, FINE), (suspect, WARNED)]
    assert actions(suspect) == ["FLAG"]


def test_a_suspect_that_stays_locked_is_refused_in_the_promised_time_and_flagged_later(
    watched: Services, stores: Stores
) -> None:
    suspect, other = Person.register(watched), Person.register(watched)
    for _ in range(8):
        assert ask(suspect) == FINE
    with psycopg2.connect(stores.database_url) as holding, holding.cursor() as cursor:
        cursor.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [suspect.user_id])
        begun = time.monotonic()
        ended = ask_together(suspect, suspect, other)
        assert time.monotonic() - begun < PROMISED_SECONDS
    assert ended == [(other, FINE), *[(suspect, Attempted("failed"))] * 2]
    assert burst(suspect) == WARNED
    assert actions(suspect) == ["FLAG"]
