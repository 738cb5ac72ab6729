"""Ranks counted in PostgreSQL while the rank index is not complete."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import text

from app.leaderboard.sql_ranks import SECONDS_PER_PLAYER, SqlRanks
from tests.support.servers import Stores
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
MANY = 100_000
VALID_SECONDS = MANY * SECONDS_PER_PLAYER
_PEOPLE = (
    "INSERT INTO users (id, username, display_name, password_hash, score, reached_at)"
    " SELECT gen_random_uuid(), 'player_' || n, 'Player', 'none', 1 + n %% 100, now()"
    " FROM generate_series(1, %(number)s) AS n"
)


def fill(stores: Stores, number: int) -> None:
    # A connection of its own, because this takes longer than a request may wait.
    with psycopg2.connect(stores.database_url) as connection, connection.cursor() as cursor:
        # No test here searches by name, and the keys of the names take ten times as long.
        cursor.execute("ALTER TABLE users DISABLE TRIGGER USER")
        cursor.execute(_PEOPLE, {"number": number})


def rank(services: Services, counted: SqlRanks, score: int) -> int:
    with services.database.reading() as connection:
        return counted.of(connection, [score])[score]


def take_off_the_board(services: Services, *, score: int) -> None:
    with services.database.transaction() as connection:
        connection.execute(text("UPDATE users SET score = 0 WHERE score = :s"), {"s": score})


def counts(queries: list[str]) -> int:
    return sum("GROUP BY score" in query for query in queries)


def test_on_a_small_board_every_call_counts_the_players(
    services: Services, stores: Stores, queries: list[str]
) -> None:
    fill(stores, 300)
    counted = SqlRanks()
    assert rank(services, counted, 99) == 4
    take_off_the_board(services, score=100)
    assert rank(services, counted, 99) == 1
    assert counts(queries) == 2


def test_on_a_large_board_callers_share_a_count_while_it_is_valid(
    services: Services, stores: Stores, queries: list[str]
) -> None:
    fill(stores, MANY)
    counted, each = SqlRanks(), MANY // 100
    begun = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        ranks = list(pool.map(lambda score: rank(services, counted, score), range(1, 101)))
    assert ranks == [(100 - score) * each + 1 for score in range(1, 101)]
    # More than one only if the machine is slow.
    assert counts(queries) <= 1 + (time.monotonic() - begun) / VALID_SECONDS


def test_a_count_that_is_too_old_is_repeated(services: Services, stores: Stores) -> None:
    fill(stores, MANY)
    counted = SqlRanks()
    assert rank(services, counted, 99) == MANY // 100 + 1
    take_off_the_board(services, score=100)
    await_true(lambda: rank(services, counted, 99) == 1, VALID_SECONDS + 5)
