"""Boards other than main are read from a replica that has caught up, and else from the primary."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.boards.board import Board
from app.contract import keys
from app.contract.standings import BoardPeriod, Ranking
from tests.support.players import Person
from tests.support.replica import CAUGHT_UP_SECONDS, Pair, readers_of_users
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

QUIZ = BoardPeriod("quiz", "all")


@pytest.fixture
def board(services: Services) -> Board:
    """A board that is read, so that a pass of the reconciler confirms its position."""
    made = create_board(services)
    services.rankings.top(QUIZ)
    services.reconciler.run_pass()
    return made


def read_by(services: Services, read: Callable[[], Any]) -> set[int | None]:
    """Clear the cached top ten and read; returns the ports of the servers that were read."""
    names = keys.of_ranking(Ranking("quiz", "all", None))
    services.redis.delete(names.cached_board, names.board_lease)
    with readers_of_users() as ports:
        read()
    return set(ports)


def await_replica(services: Services, pair: Pair) -> None:
    """Return when the board is read from the replica."""
    await_true(
        lambda: read_by(services, lambda: services.rankings.top(QUIZ)) == {pair.replica.port},
        CAUGHT_UP_SECONDS,
    )


def scores(services: Services) -> list[int]:
    return [row.score for row in services.rankings.top(QUIZ).rows]


def test_each_read_of_a_present_period_goes_to_a_replica_that_has_caught_up(
    services: Services, board: Board, pair: Pair
) -> None:
    people = [Person.register(services) for _ in range(4)]
    count(services, *(act(person, number + 1) for number, person in enumerate(people)))
    standings, period = services.standings, services.standings.period(board, None, None)
    following = standings.top(board, period, 1).next
    assert following is not None
    reads: tuple[Callable[[], Any], ...] = (
        lambda: services.rankings.top(QUIZ),
        lambda: standings.top(board, period, 100),
        lambda: standings.page(board, period, following, 2),
        lambda: standings.around(board, period, people[0].user_id, 2),
    )
    for read in reads:
        await_true(lambda: read_by(services, read) == {pair.replica.port}, CAUGHT_UP_SECONDS)  # noqa: B023
    assert scores(services) == [4, 3, 2, 1]


def test_a_lagging_replica_is_not_read_and_the_board_is_fresh(
    services: Services, board: Board, pair: Pair
) -> None:
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 5))
    await_replica(services, pair)
    pair.replica.pause_replay()
    count(services, act(ada, 2), act(bob, 1))
    assert read_by(services, lambda: services.rankings.top(QUIZ)) == {pair.primary.port}
    assert scores(services) == [7, 1]
    services.moderation.ban(OPERATOR, ada.user_id)
    assert scores(services) == [1]
    pair.replica.resume_replay()
    await_replica(services, pair)
    assert scores(services) == [1]


def test_after_redis_lost_the_position_the_primary_is_read_until_it_is_confirmed(
    services: Services, board: Board, pair: Pair
) -> None:
    ada = Person.register(services)
    count(services, act(ada, 5))
    await_replica(services, pair)
    services.redis.delete(keys.of_ranking(Ranking("quiz", "all", None)).version)
    count(services, act(ada, 1))
    assert read_by(services, lambda: services.rankings.top(QUIZ)) == {pair.primary.port}
    services.reconciler.run_pass()
    await_replica(services, pair)
    assert scores(services) == [6]
