"""Ranks on boards come from the rank index, for each order and way to combine acts."""

from __future__ import annotations

import pytest

from app.contract.standings import BoardPeriod, OwnStanding, Ranking
from tests.support.players import Person
from tests.support.rank_index import ranking_index_equals_database
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow

QUIZ = BoardPeriod("quiz", "all")
ALL_TIME = Ranking("quiz", "all", None)


def test_ranks_come_from_the_index_once_it_is_complete(
    services: Services, queries: list[str]
) -> None:
    create_board(services)
    ada, bob = Person.register(services), Person.register(services)
    (first,) = count(services, act(ada, 5))
    services.reconciler.run_pass()
    queries.clear()
    answers = count(services, act(bob, 7), act(ada, 1))
    assert [first["rank"], *(answer["rank"] for answer in answers)] == [1, 1, 2]
    assert not [query for query in queries if "GROUP BY" in query]
    found = services.rankings.own_standings(QUIZ, [ada.user_id, bob.user_id])
    assert found is not None
    assert found.own == (OwnStanding(6, 2), OwnStanding(7, 1))
    assert found.version == services.rankings.top(QUIZ).version.number


def test_a_low_board_ranks_the_lowest_score_first_in_the_index(services: Services) -> None:
    create_board(services, better="low", combine="best")
    people = [Person.register(services) for _ in range(4)]
    count(
        services,
        *(act(person, score) for person, score in zip(people, (30, 0, 12, 30), strict=True)),
    )
    services.reconciler.run_pass()
    assert ranking_index_equals_database(services, ALL_TIME)
    found = services.rankings.own_standings(QUIZ, [person.user_id for person in people])
    assert found is not None
    assert [(own.score, own.rank) for own in found.own] == [(30, 3), (0, 1), (12, 2), (30, 3)]
    (answer,) = count(services, act(people[3], 5))
    assert (answer["score"], answer["rank"]) == (5, 2)


def test_the_player_of_a_full_board_with_score_0_is_listed_in_the_index(services: Services) -> None:
    create_board(services, combine="best")
    ada = Person.register(services)
    services.rankings.top(QUIZ)
    services.reconciler.run_pass()
    (answer,) = count(services, act(ada, 0))
    assert (answer["score"], answer["rank"]) == (0, 1)
    assert ranking_index_equals_database(services, ALL_TIME)
