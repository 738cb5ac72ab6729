"""The rank indexes compared with PostgreSQL, and the ways in which they come to differ."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from app.contract import keys
from app.contract.standings import Ranking
from app.leaderboard.index.index_rebuild import IndexRebuild
from app.leaderboard.publication import BoardPublisher
from app.ledger import action_rows, standing_rows
from app.ledger.action_ledger import ActionLedger, CountedToken
from app.ledger.action_rows import StandingChange
from app.maintenance.ranking_reconciler import FIRST_USER_ID
from app.scoring.action_tokens import ActionTokenCodec
from tests.support.players import Person
from tests.support.services import Services


def index_equals_database(services: Services) -> bool:
    """Whether Redis has exactly the scores of the players on the board."""
    with services.database.reading() as connection:
        rows = connection.execute(
            text("SELECT id::text, score FROM users WHERE score > 0 AND status <> 'banned'")
        )
        expected = {row[0]: float(row[1]) for row in rows}
    found: Any = services.redis.zrange(keys.INDEX_SCORES, 0, -1, withscores=True)
    return dict(found) == expected and index_is_complete(services)


def index_is_complete(services: Services) -> bool:
    """Whether ranks come from the index."""
    return IndexRebuild(services.redis).state().mark is not None


def is_indexed(services: Services, *rankings: Ranking) -> bool:
    """Whether the ranks of these rankings come from the index."""
    return all(IndexRebuild(services.redis).marks(rankings))


def ranking_index_equals_database(services: Services, *rankings: Ranking) -> bool:
    """Whether Redis has exactly the scores of the listed players, in complete indexes."""
    for ranking in rankings:
        with services.database.reading() as connection:
            rows = standing_rows.listed_after(connection, ranking, FIRST_USER_ID, 100_000)
        name = keys.of_ranking(ranking).scores
        found: Any = services.redis.zrange(name, 0, -1, withscores=True)
        if dict(found) != {row.user_id: float(row.score) for row in rows}:
            return False
    return is_indexed(services, *rankings)


def record_unpublished_point(
    services: Services, person: Person, seconds_ago: float = 0
) -> StandingChange:
    """Count a point but do not publish it, as a process does that dies after its commit."""
    ledger = ActionLedger(services.database, services.settings.action_token_seconds * 1000)
    with services.database.transaction() as connection:
        now = action_rows.now(connection) // 1000
    recorded = ledger.record(person.user_id, now, ActionTokenCodec.new_nonce())
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE users SET changed_at = changed_at - :ago * interval '1 s' WHERE id = :id"),
            {"ago": seconds_ago, "id": person.user_id},
        )
    assert isinstance(recorded, CountedToken)
    return recorded.changes[0].change


def stop_publishing_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every publication of an account fail, as without Redis, until the patch is undone."""
    monkeypatch.setattr(BoardPublisher, "publish", lambda *_: False)
