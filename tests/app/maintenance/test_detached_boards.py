"""Boards whose acts are in detached months: standings, points taken back and histories."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.boards.board import Board
from tests.app.maintenance.test_detaching_partitions import people, sound
from tests.support.ledger_months import month
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board, rows
from tests.support.services import Services

__all__ = ["people"]

pytestmark = pytest.mark.slow


def count_long_ago(services: Services, board: Board, *acts: Any) -> None:
    """Count acts four months ago, on a board that is older."""
    count(services, *acts)
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "UPDATE actions SET issued_at = :at, created_at = :at"
                " WHERE board_id = :board AND created_at > :recent"
            ),
            {"at": month(-4), "board": board.id, "recent": month(-1)},
        )
        connection.execute(text("UPDATE boards SET created_at = :at"), {"at": month(-5)})


def test_all_points_are_taken_back_from_a_board_whose_acts_are_in_detached_months(
    services: Services, people: list[Person]
) -> None:
    board = create_board(services, periods=("all", "month"))
    old, both = people[:2]
    count_long_ago(services, board, act(old, 30), act(both, 40))
    count(services, act(both, 5))
    services.partitions.detach(OPERATOR, month(-3))
    for person, acts in ((old, 0), (both, 1)):
        taken = services.moderation.revoke_points(OPERATOR, person.user_id, None, "quiz")
        assert (taken.done, taken.revoked_acts) == (True, acts)
        assert not services.moderation.revoke_points(OPERATOR, person.user_id, None, "quiz").done
    assert rows(services, board) == []
    count(services, act(old, 7))
    assert rows(services, board) == [(1, old.user_id, 7)]
    assert sound(services)


def test_a_carried_sum_counts_in_no_month_of_main(services: Services, people: list[Person]) -> None:
    with services.database.transaction() as connection:
        connection.execute(
            text(
                "UPDATE boards SET periods = '{all,month}', periods_from = ARRAY[NULL, :at]"
                " WHERE id = 0"
            ),
            {"at": month(-6)},
        )
    services.partitions.detach(OPERATOR, month(-3))
    with services.database.reading() as connection:
        for view in ("remaining_acts", "shown_acts"):
            acts = connection.execute(text(f"SELECT count(*), max(points) FROM {view}"))
            assert acts.one() == (8, 1)


@pytest.mark.parametrize(
    ("combine", "old", "recent", "expected"),
    [
        # Acts of one bucket are one point.
        ("sum", [30], [5, 2], [30, 37, 37]),
        ("sum", [30], [], [30, 30]),
        ("latest", [30], [5, 2], [2, 2]),
        ("best", [30], [5], [30, 30]),
        ("best", [30], [5, 40], [40, 40]),
    ],
)
def test_a_history_begins_after_the_detached_months(
    services: Services,
    people: list[Person],
    combine: str,
    old: list[int],
    recent: list[int],
    expected: list[int],
) -> None:
    board = create_board(services, combine=combine)
    person = people[0]
    count_long_ago(services, board, *(act(person, points) for points in old))
    services.partitions.detach(OPERATOR, month(-3))
    for points in recent:
        count(services, act(person, points))
    board = services.boards.find("quiz")
    period = services.standings.period(board, None, None)
    history = services.board_histories.of(board, period, month(-5))
    assert history.since == month(-3) + timedelta(days=1)
    (series,) = history.series
    assert series.standing.score == expected[-1]
    assert [point.score for point in series.points] == expected
