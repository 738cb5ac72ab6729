"""The rank index beside PostgreSQL, and how the two come apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.stores import ledger
from app.stores.counting import Counting
from app.stores.ledger import Change
from tests.app.people import Person


def index_equals_database(services: Services) -> bool:
    """Whether Redis has exactly the scores of the players on the board."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text("SELECT id::text, score FROM users WHERE score > 0 AND status <> 'banned'")
        )
        expected = {row[0]: float(row[1]) for row in rows}
    found: Any = services.redis.zrange(keys.INDEX_SCORES, 0, -1, withscores=True)
    return dict(found) == expected and services.redis.exists(keys.INDEX_COMPLETE_UNTIL) == 1


def count_without_placing(services: Services, person: Person, seconds_ago: float = 0) -> Change:
    """What a process leaves that dies between the commit and the index."""
    with services.database.transaction() as connection:
        now = ledger.now(connection) // 1000
    nonce = services.scoring._tokens.new_nonce()
    counting = services.scoring._counter.count(person.user_id, now, nonce)
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE users SET changed_at = changed_at - :ago * interval '1 s' WHERE id = :id"),
            {"ago": seconds_ago, "id": person.user_id},
        )
    assert isinstance(counting, Counting)
    return counting.change
