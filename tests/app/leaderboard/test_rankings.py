"""The boards that viewers watch: the top ten and the own standings of any board and period."""

from __future__ import annotations

import pytest

from app.contract.errors import NotFound
from app.contract.standings import MAIN, BoardPeriod, OwnStanding
from tests.app.scoring.service_acts import act, count, create_board
from tests.support.players import Person
from tests.support.services import Services

QUIZ = BoardPeriod("quiz", "all")


def test_the_top_of_a_board_has_its_best_players(services: Services) -> None:
    create_board(services, periods=("all", "week"))
    ada, bob, eve = (Person.register(services) for _ in range(3))
    count(services, act(ada, 5), act(bob, 9), act(eve, 5))
    board = services.rankings.top(BoardPeriod("quiz", "week"))
    assert [(row.rank, row.user_id, row.score) for row in board.rows] == [
        (1, bob.user_id, 9),
        (2, ada.user_id, 5),
        (2, eve.user_id, 5),
    ]
    assert not board.more
    assert services.rankings.top(QUIZ).rows == board.rows


def test_main_is_the_board_of_flow_7(services: Services) -> None:
    assert services.rankings.top(MAIN) == services.leaderboard.top()


@pytest.mark.parametrize(
    "watched", [BoardPeriod("other", "all"), BoardPeriod("quiz", "day"), BoardPeriod("%", "all")]
)
def test_an_unknown_board_or_period_is_not_found(services: Services, watched: BoardPeriod) -> None:
    create_board(services)
    with pytest.raises(NotFound):
        services.rankings.top(watched)
    with pytest.raises(NotFound):
        services.rankings.own_standings(watched, [])


def test_own_standings_have_the_score_and_the_rank_of_each_user(services: Services) -> None:
    create_board(services, better="low", combine="best")
    ada, bob, eve, ned = (Person.register(services) for _ in range(4))
    count(services, act(ada, 30), act(bob, 0), act(eve, 30))
    found = services.rankings.own_standings(QUIZ, [each.user_id for each in (ada, bob, eve, ned)])
    assert found is not None
    assert found.own == (
        OwnStanding(30, 2),
        OwnStanding(0, 1),
        OwnStanding(30, 2),
        OwnStanding(0, None),
    )


def test_a_board_is_found_as_soon_as_it_exists(services: Services) -> None:
    with pytest.raises(NotFound):
        services.rankings.top(QUIZ)
    create_board(services)
    assert services.rankings.top(QUIZ).rows == ()
