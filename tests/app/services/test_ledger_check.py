"""The proof that scores, actions and rank index agree, and that it sees when they don't."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.composition import Services
from app.contract import keys
from app.services import ledger_check
from app.services.ledger_check import Difference
from app.services.moderation import Act
from tests.app.people import Person

pytestmark = pytest.mark.slow

ACT = Act("test", "because")


@pytest.fixture(autouse=True)
def settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def people(services: Services) -> list[Person]:
    """Three with points, one of them banned, one with points taken back; and one without."""
    made = [Person.register(services) for _ in range(4)]
    for points, person in enumerate(made):
        if points:
            person.score(points)
    services.moderation.ban(ACT, made[1].user_id)
    services.moderation.revoke_points(ACT, made[2].user_id)
    services.index_keeper.keep()
    return made


def test_a_sound_ledger_has_no_difference(services: Services, people: list[Person]) -> None:
    verification = services.ledger_check.verify()
    assert verification.sound
    assert verification.users == 1


def test_a_score_that_is_not_the_sum_of_its_actions_is_found(
    services: Services, people: list[Person]
) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE users SET score = 40 WHERE id = :id"), {"id": people[3].user_id}
        )
    found = services.ledger_check.verify()
    assert found.ledger == (Difference(people[3].user_id, "score", 40, 3),)


def test_an_index_that_is_not_the_database_is_found_and_repaired(
    services: Services, people: list[Person]
) -> None:
    scored, banned = people[3].user_id, people[1].user_id
    services.redis.zadd(keys.INDEX_SCORES, {scored: 2, banned: 1})
    services.redis.zadd(keys.INDEX_SCORES, {"00000000-0000-4000-8000-000000000000": 7})
    found = services.ledger_check.verify()
    assert not found.sound
    assert found.ledger == ()
    assert {difference.user_id for difference in found.index} == {
        scored,
        banned,
        "00000000-0000-4000-8000-000000000000",
    }
    assert services.ledger_check.repair_index(found.index) == 3
    assert services.ledger_check.verify().sound


def test_what_is_no_user_and_what_claims_a_newer_revision_is_repaired_too(
    services: Services, people: list[Person]
) -> None:
    services.redis.zadd(keys.INDEX_SCORES, {"foo": 5, people[3].user_id: 9})
    services.redis.hset(keys.INDEX_REVISIONS, people[3].user_id, "999999")
    assert services.ledger_check.repair_index(services.ledger_check.verify().index) == 2
    assert services.ledger_check.verify().sound


def test_a_player_missing_from_the_index_is_found(services: Services, people: list[Person]) -> None:
    services.redis.zrem(keys.INDEX_SCORES, people[3].user_id)
    found = services.ledger_check.verify().index
    assert [(d.user_id, d.recorded, d.expected) for d in found] == [(people[3].user_id, None, 3)]
