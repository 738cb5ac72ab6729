"""Days, weeks and months of the board `main`, which an operator adds."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import pytest
from sqlalchemy import text

from app.boards.board import PERIODS
from app.contract.errors import TokenUsed, ValidationFailed
from app.contract.standings import PeriodKind
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, create_board, rows
from tests.support.services import Services

ADDED = PERIODS[1:]


@pytest.fixture(autouse=True)
def _at_once() -> Iterator[None]:
    with patch("app.boards.boards.PERIOD_LEAD_SECONDS", 0.0):
        yield


def shown(services: Services, kind: PeriodKind) -> list[tuple[int, str, int]]:
    """(rank, user id, score) of the present period, from the top."""
    return rows(services, services.boards.find("main"), kind)


def test_points_count_in_each_period_from_then_on(services: Services) -> None:
    ada, bob = Person.register(services), Person.register(services)
    ada.score(3)
    services.boards.edit(OPERATOR, "main", periods=("all", "day"))
    bob.score(2)
    assert ada.score().score == 4
    services.boards.edit(OPERATOR, "main", periods=PERIODS)
    ada.score()
    assert shown(services, "day") == [(1, bob.user_id, 2), (1, ada.user_id, 2)]
    for kind in ("week", "month"):
        assert shown(services, kind) == [(1, ada.user_id, 1)]
    top = services.leaderboard.top().rows
    assert [(row.user_id, row.score) for row in top] == [(ada.user_id, 5), (bob.user_id, 2)]
    own = services.standings.of_user(ada.user_id)
    assert [(each.board, each.period.kind, each.score, each.rank) for each in own] == [
        ("main", "day", 2, 1),
        ("main", "week", 1, 1),
        ("main", "month", 1, 1),
    ]
    assert services.ledger_check.verify().sound


def test_a_repeated_token_counts_once_in_each_period(services: Services) -> None:
    services.boards.edit(OPERATOR, "main", periods=PERIODS)
    person = Person.register(services)
    token = person.token()
    assert services.scoring.increment(person.identity, token).outcome.score == 1
    with pytest.raises(TokenUsed):
        services.scoring.increment(person.identity, token)
    assert [shown(services, kind) for kind in ADDED] == [[(1, person.user_id, 1)]] * 3


def test_a_ban_and_its_end_reach_each_period(services: Services) -> None:
    services.boards.edit(OPERATOR, "main", periods=PERIODS)
    person = Person.register(services)
    person.score()
    services.moderation.ban(OPERATOR, person.user_id)
    assert [shown(services, kind) for kind in ADDED] == [[]] * 3
    services.moderation.unban(OPERATOR, person.user_id)
    assert [shown(services, kind) for kind in ADDED] == [[(1, person.user_id, 1)]] * 3


@pytest.mark.slow
def test_the_function_that_the_version_before_calls_counts_in_each_period(
    services: Services,
) -> None:
    services.boards.edit(OPERATOR, "main", periods=PERIODS)
    person = Person.register(services)
    with services.database.transaction() as connection:
        row = (
            connection.execute(
                text(
                    "SELECT * FROM count_action(:id, (extract(epoch FROM clock_timestamp()) * 1000)"
                    "::bigint, gen_random_uuid(), 60000)"
                ),
                {"id": person.user_id},
            )
            .mappings()
            .one()
        )
    assert list(row) == [
        "verdict",
        "first_score",
        "new_score",
        "new_revision",
        "reached",
        "changed",
    ]
    assert row["verdict"] == "counted"
    assert shown(services, "day") == [(1, person.user_id, 1)]
    assert services.ledger_check.verify().boards == ()


def test_the_check_finds_a_wrong_standing_of_a_day(services: Services) -> None:
    services.boards.edit(OPERATOR, "main", periods=("all", "day"))
    person = Person.register(services)
    person.score(2)
    with services.database.transaction() as connection:
        connection.exec_driver_sql("UPDATE standings SET score = 7")
    (wrong,) = services.ledger_check.verify().boards
    assert (wrong.board, wrong.period, wrong.recorded, wrong.expected) == ("main", "day", 7, 2)


def test_only_main_is_given_periods_and_none_is_removed(services: Services) -> None:
    create_board(services, periods=("all", "day"))
    with pytest.raises(ValidationFailed, match="Only main"):
        services.boards.edit(OPERATOR, "quiz", periods=("all", "day", "week"))
    services.boards.edit(OPERATOR, "main", periods=("all", "week"))
    with pytest.raises(ValidationFailed, match="can't be removed"):
        services.boards.edit(OPERATOR, "main", periods=("all", "day"))
    with pytest.raises(ValidationFailed, match="each once"):
        services.boards.edit(OPERATOR, "main", periods=("all", "week", "day", "day"))
    assert services.boards.find("main").settings.periods == ("all", "week")


def test_an_act_of_before_the_added_period_does_not_count_in_it(services: Services) -> None:
    with patch("app.boards.boards.PERIOD_LEAD_SECONDS", 3600.0):
        services.boards.edit(OPERATOR, "main", periods=("all", "day"))
    Person.register(services).score()
    assert shown(services, "day") == []
    assert services.ledger_check.verify().sound


def test_periods_that_are_added_at_the_same_time_are_all_added_or_refused(
    services: Services,
) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = [
            pool.submit(services.boards.edit, OPERATOR, "main", periods=("all", kind))
            for kind in ADDED
        ]
    refused = [each for each in asked if isinstance(each.exception(), ValidationFailed)]
    assert len(refused) == len(ADDED) - 1
    assert len(services.boards.find("main").settings.periods) == 2
    added = [each for each in services.moderation_reads.audit(limit=9) if each.act == "add-periods"]
    assert len(added) == 1
