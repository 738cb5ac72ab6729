"""The content of PostgreSQL and the rank index, read without the code under test."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any

import psycopg2
import redis

from app.contract import keys
from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from app.storage.tables import ON_BOARD
from tests.support.environment import base_environment
from tests.support.faults.token_load import Spend
from tests.support.servers import Stores

_SCORES = f"SELECT id::text, score FROM users WHERE {ON_BOARD}"
_TOP_TEN = (
    f"SELECT rank() OVER (ORDER BY score DESC), id::text, score FROM users WHERE {ON_BOARD}"
    " ORDER BY score DESC, reached_at, reached_action_id LIMIT 10"
)
# Only of players of the load, because the actions of a filled board have no token, and only of the
# board main.
_ACTIONS = (
    "SELECT (extract(epoch FROM issued_at) * 1000)::bigint, replace(nonce::text, '-', ''),"
    " user_id::text, points, score_after FROM actions"
    " WHERE board_id = 0 AND user_id = ANY(%s::uuid[])"
)


class LedgerChecker:
    """Connects to the stores for each call, because a fault may have ended any connection."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())

    def top_ten(self) -> list[tuple[int, str, int]]:
        """Rank, user id and score of the board's first rows."""
        return [(rank, user_id, score) for rank, user_id, score in self._rows(_TOP_TEN)]

    def players(self) -> int:
        """The number of players on the board."""
        return len(self._rows(_SCORES))

    def index_is_complete(self) -> bool:
        """Whether the rank index is marked as complete."""
        with redis.Redis.from_url(self._stores.redis_url, socket_timeout=5) as client:
            return bool(client.exists(keys.INDEX_COMPLETE_UNTIL))

    def index_equals_database(self) -> bool:
        """Whether each score in the index was in the database at some time during this call."""
        before = dict(self._rows(_SCORES))
        with redis.Redis.from_url(
            self._stores.redis_url, socket_timeout=5, decode_responses=True
        ) as client:
            indexed = dict(client.zrange(keys.INDEX_SCORES, 0, -1, withscores=True))
        after = dict(self._rows(_SCORES))
        return before.keys() <= indexed.keys() <= after.keys() and all(
            before.get(user_id, 0) <= score <= after[user_id] for user_id, score in indexed.items()
        )

    def contradictions(self, spends: Iterable[Spend]) -> list[str]:
        """Differences between the actions and the answers to the players.

        A counted token must have one action, with the score of the answer. An expired token must
        have none. There must be no other actions.
        """
        answered = list(spends)
        found = self._actions({spend.player.user_id for spend in answered})
        wrong = []
        for spend in answered:
            actions = found.pop(self._codec.decode(spend.token, spend.player.user_id), [])
            expected = [(1, spend.score)] if spend.counted else []
            if spend.final is None or actions != expected:
                wrong.append(f"{spend.answers}, newScore {spend.score}: actions {actions}")
        return wrong + [f"no player spent {token}" for token in found]

    def actions_of(self, spend: Spend) -> list[tuple[int, int]]:
        """Points and score of each action of the token."""
        token = self._codec.decode(spend.token, spend.player.user_id)
        return self._actions({token.user_id}).get(token, [])

    def _actions(self, user_ids: set[str]) -> dict[ActionToken, list[tuple[int, int]]]:
        found: dict[ActionToken, list[tuple[int, int]]] = {}
        for issued_at, nonce, user_id, *made in self._rows(_ACTIONS, list(user_ids)):
            found.setdefault(ActionToken(user_id, issued_at, nonce), []).append(tuple(made))
        return found

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        with (
            closing(psycopg2.connect(self._stores.database_url)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement, values)
            return cursor.fetchall()
