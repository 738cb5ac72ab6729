"""A board with any number of players, inserted directly into PostgreSQL."""

from __future__ import annotations

from contextlib import closing

import psycopg2

ID_OF_NUMBER = "md5('filled_' || {})::uuid"
"""SQL for the id of the n-th player: known without a query, and in random order."""
# All times differ, so that the order of the board is unambiguous. They are an hour old, because
# each repair pass applies recent changes again.
_PLAYERS = (
    "INSERT INTO users (id, username, display_name, password_hash, score, revision, reached_at,"
    f" reached_action_id, changed_at) SELECT {ID_OF_NUMBER.format('n')}, 'filled_' || n,"
    " 'Player ' || n, '', 1 + mod(n, 997), 1,"
    " now() - interval '1 hour' + n * interval '1 microsecond', n, now() - interval '1 hour'"
    " FROM generate_series(1, %s) AS n"
)
_ACTIONS = (
    "INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at)"
    " SELECT id, reached_at, gen_random_uuid(), score, score, reached_at FROM users"
    " WHERE password_hash = ''"
)


def fill_board(database_url: str, players: int) -> None:
    """Add players, each with one action that gives the score."""
    with closing(psycopg2.connect(database_url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_PLAYERS, (players,))
            cursor.execute(_ACTIONS)
            # Otherwise autovacuum would run during the measurement.
            cursor.execute("VACUUM ANALYZE users, actions")
