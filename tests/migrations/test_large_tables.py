"""A release on a large database keeps no increment waiting."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import psycopg2
import pytest

from tests.support.servers import DatabaseServer, migrate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PLAYERS = 300_000
RELEASED, PROMISED_SECONDS = "0008", 2.0
"""The revision of the version before, and the longest time of a request."""
PAUSE_SECONDS = 0.005
_PLAYERS = (
    "INSERT INTO users (id, username, display_name, password_hash, score, reached_at,"
    " reached_action_id) SELECT gen_random_uuid(), 'player_' || n, 'Player', '', 1, now(), n"
    " FROM generate_series(1, %s) AS n"
)
_ACTIONS = (
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after)"
    " SELECT id, now(), gen_random_uuid(), 1, 1 FROM users"
)
_COUNT = (
    "SELECT verdict FROM count_action("
    "%s, (extract(epoch FROM clock_timestamp()) * 1000)::bigint, gen_random_uuid(), 60000)"
)


def test_every_increment_during_the_migrations_is_counted_in_the_promised_time(
    postgres: DatabaseServer,
) -> None:
    """The version before calls count_action until it is replaced."""
    url = postgres.create(migrated=False)
    migrate(url, RELEASED)
    with (
        ThreadPoolExecutor(1) as pool,
        closing(psycopg2.connect(url)) as connection,
        connection.cursor() as cursor,
    ):
        connection.autocommit = True
        cursor.execute(_PLAYERS, [PLAYERS])
        cursor.execute(_ACTIONS)
        cursor.execute("SELECT id::text FROM users LIMIT 100")
        players = [user_id for (user_id,) in cursor.fetchall()]
        cursor.execute("SET statement_timeout = '10s'")
        release = pool.submit(migrate, url)
        slowest, counted = 0.0, 0
        # The pause leaves the CPUs to the migrations; none of them may delay the next increment.
        while not wait([release], PAUSE_SECONDS).done:
            begun = time.monotonic()
            cursor.execute(_COUNT, [players[counted % len(players)]])
            assert cursor.fetchall() == [("counted",)]
            slowest = max(slowest, time.monotonic() - begun)
            counted += 1
        release.result()
        sys.stdout.write(f"{counted} increments, the slowest took {slowest:.2f} s\n")
        assert slowest < PROMISED_SECONDS
        cursor.execute("SELECT sum(score) FROM users")
        assert cursor.fetchall() == [(PLAYERS + counted,)]
