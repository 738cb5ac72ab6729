"""The ledger check finds each way in which scores, actions and rank index can disagree."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from app.audit.audited_change import Initiator
from app.contract import keys
from app.contract.standings import BoardPeriod, Ranking
from app.leaderboard.rankings import ranking_of
from app.maintenance import ledger_check
from app.maintenance.ledger_check import Difference
from tests.support.players import Person
from tests.support.rank_index import ranking_index_equals_database
from tests.support.service_acts import act, count, create_board, zone_at_noon
from tests.support.services import Services

pytestmark = pytest.mark.slow

OPERATOR = Initiator("operator:test", "because")


@pytest.fixture(autouse=True)
def _settle_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_check, "SETTLE_SECONDS", 0.05)


@pytest.fixture
def people(services: Services) -> list[Person]:
    """One player without points, one banned, one with revoked points, one with three points."""
    made = [Person.register(services) for _ in range(4)]
    for points, person in enumerate(made):
        if points:
            person.score(points)
    services.moderation.ban(OPERATOR, made[1].user_id)
    services.moderation.revoke_points(OPERATOR, made[2].user_id)
    services.reconciler.run_pass()
    return made


def test_a_correct_ledger_has_no_difference(services: Services, people: list[Person]) -> None:
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


def test_wrong_scores_in_the_index_are_found_and_repaired(
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


def test_an_unknown_user_and_a_wrong_revision_in_the_index_are_repaired(
    services: Services, people: list[Person]
) -> None:
    services.redis.zadd(keys.INDEX_SCORES, {"foo": 5, people[3].user_id: 9})
    services.redis.hset(keys.INDEX_REVISIONS, people[3].user_id, "999999")
    assert services.ledger_check.repair_index(services.ledger_check.verify().index) == 2
    assert services.ledger_check.verify().sound


def test_wrong_scores_in_the_index_of_any_board_and_period_are_found_and_repaired(
    services: Services, people: list[Person]
) -> None:
    board = create_board(
        services, better="low", combine="best", periods=("all", "day"), time_zone=zone_at_noon()
    )
    player, other = people[0], people[3]
    count(services, act(player, 30), act(other, 20))
    rankings = []
    for kind in board.settings.periods:
        services.rankings.top(BoardPeriod(board.settings.key, kind))
        rankings.append(ranking_of(board, services.standings.period(board, kind, None)))
    services.reconciler.run_pass()
    sound = services.ledger_check.verify()
    assert (sound.sound, sound.rankings) == (True, 2)
    for ranking in rankings:
        scores = keys.of_ranking(ranking).scores
        services.redis.zadd(scores, {player.user_id: -7})
    found = services.ledger_check.verify().index
    assert {(each.user_id, each.recorded, each.expected) for each in found} == {
        (player.user_id, -7, -30)
    }
    assert [each.ranking for each in found] == rankings
    assert f"board {board.settings.key}, period day, is -7, should be -30" in str(found[1])
    assert services.ledger_check.repair_index(found) == 2
    assert services.ledger_check.verify().sound
    assert ranking_index_equals_database(services, *rankings)


def test_the_index_of_a_board_that_is_not_read_is_not_compared(
    services: Services, people: list[Person]
) -> None:
    create_board(services)
    services.redis.zadd(keys.of_ranking(Ranking("quiz", "all", None)).scores, {"x": 1})
    verification = services.ledger_check.verify()
    assert (verification.sound, verification.rankings) == (True, 0)


def test_a_player_missing_from_the_index_is_found(services: Services, people: list[Person]) -> None:
    services.redis.zrem(keys.INDEX_SCORES, people[3].user_id)
    found = services.ledger_check.verify().index
    assert [(d.user_id, d.recorded, d.expected) for d in found] == [(people[3].user_id, None, 3)]
