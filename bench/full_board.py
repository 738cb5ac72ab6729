"""A board with as many players as wanted, written straight into PostgreSQL."""

from __future__ import annotations

from contextlib import closing

import psycopg2

ID_OF_NUMBER = "md5('filled_' || {})::uuid"
"""The id of the n-th player in SQL: known without asking, and in no order that indexes like."""
# No two reached their score at the same moment, so that the board has one order. An
# hour old, as most of a board is: what changed just now is placed by each repair pass too.
_PLAYERS = (
    "INSERT INTO users (id, username, display_name, password_hash, score, revision, reached_at,"
    f" changed_at) SELECT {ID_OF_NUMBER.format('n')}, 'filled_' || n, 'Player ' || n, '',"
    " 1 + mod(n, 997), 1,"
    " now() - interval '1 hour' + n * interval '1 microsecond', now() - interval '1 hour'"
    " FROM generate_series(1, %s) AS n"
)
_ACTIONS = (
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT id, reached_at, gen_random_uuid(), score, score, reached_at FROM users"
    " WHERE password_hash = ''"
)


def fill_board(database_url: str, players: int) -> None:
    """Add so many players, each with one action that made the score."""
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_PLAYERS, (players,))
            cursor.execute(_ACTIONS)
            # Not left to autovacuum, which would come at some moment of what is measured.
            cursor.execute("VACUUM ANALYZE users, actions")
