"""Sums at the bounds of scores, which are the whole numbers that a double holds, of 64 bits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.boards.board import BETTER, MAX_POINTS, Better
from app.contract.standings import BoardPeriod
from tests.support.players import Person
from tests.support.service_acts import act, count, create_board, rows
from tests.support.services import Services

pytestmark = pytest.mark.slow

LIMIT = 2**53 - 1
BEGINNINGS = st.sampled_from(
    [sign * (LIMIT - below) for sign in (-1, 1) for below in (0, 1, 2, MAX_POINTS)]
)
ACTS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([-MAX_POINTS, -2, -1, 0, 1, 2, MAX_POINTS])),
    max_size=12,
)
_keys = itertools.count()


@pytest.mark.parametrize("better", BETTER)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(beginnings=st.tuples(BEGINNINGS, BEGINNINGS, BEGINNINGS), acts=ACTS)
def test_sums_at_the_bounds_are_exact_and_an_act_beyond_them_is_out_of_range(
    services: Services, better: Better, beginnings: tuple[int, ...], acts: list[tuple[int, int]]
) -> None:
    key = f"bounds-{next(_keys)}"
    board = create_board(
        services, key, better=better, min_points=-MAX_POINTS, max_points=MAX_POINTS
    )
    people = [Person.register(services) for _ in beginnings]
    scores = dict(zip((person.user_id for person in people), beginnings, strict=True))
    count(services, *(act(person, 1, key) for person in people), boards=(key,))
    with services.database.transaction() as connection:
        for user_id, score in scores.items():
            connection.exec_driver_sql(
                "UPDATE standings SET score = %s, order_score = %s, changed_at = clock_timestamp(),"
                " revision = revision + 1 WHERE user_id = %s",
                (score, score if better == "low" else -score, user_id),
            )
    services.rankings.top(BoardPeriod(key, "all"))
    services.reconciler.run_pass()
    for player, points in acts:
        user_id = people[player].user_id
        (answer,) = count(services, act(people[player], points, key), boards=(key,))
        if abs(scores[user_id] + points) > LIMIT:
            assert answer["status"] == "out_of_range"
        else:
            scores[user_id] += points
            rank = ranks(scores, better)[user_id]
            assert (answer["status"], answer["score"], answer["rank"]) == (
                "counted",
                scores[user_id],
                rank,
            )
        assert {user: (rank, score) for rank, user, score in rows(services, board)} == {
            user: (ranks(scores, better)[user], score) for user, score in scores.items()
        }
        shown = services.rankings.top(BoardPeriod(key, "all")).rows
        assert {row.user_id: row.score for row in shown} == scores


def ranks(scores: dict[str, int], better: Better) -> dict[str, int]:
    """The competition rank of each player."""
    beats: Callable[[int, int], bool] = int.__gt__ if better == "high" else int.__lt__
    return {
        user: 1 + sum(beats(other, score) for other in scores.values())
        for user, score in scores.items()
    }
