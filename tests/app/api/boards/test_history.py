"""/api/boards/{key}/history: the leaders' scores over time, in any period and by any rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from tests.support.api_client import Caller, body_of
from tests.support.players import Person
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow
PATH = "/api/boards/quiz/history"


@pytest.fixture
def anyone(app: Flask) -> Caller:
    """A caller without credentials."""
    return Caller(app, "", "")


def scores(series: dict[str, Any]) -> list[int]:
    return [point["score"] for point in series["points"]]


@pytest.mark.parametrize(
    ("better", "combine", "expected"),
    [
        ("high", "sum", [5, 7, 13, 13]),
        ("high", "best", [5, 5, 6, 6]),
        ("low", "best", [5, 2, 2, 2]),
        ("high", "latest", [5, 2, 6, 6]),
    ],
)
def test_the_scores_follow_the_rules_of_the_board(
    anyone: Caller, services: Services, better: str, combine: str, expected: list[int]
) -> None:
    create_board(services, better=better, combine=combine)
    person = Person.register(services)
    for points in (5, 2, 6):
        count(services, act(person, points))
    since = datetime.now(UTC) - timedelta(milliseconds=200)
    history = body_of(anyone("GET", f"{PATH}?since={since:%Y-%m-%dT%H:%M:%S.%f}"))
    assert list(history) == [
        "board",
        "period",
        "startsAt",
        "endsAt",
        "version",
        "since",
        "until",
        "series",
    ]
    (series,) = history["series"]
    assert series["userId"] == person.user_id
    # Acts of one bucket are one point.
    assert scores(series)[-1] == expected[-1]
    assert set(scores(series)) <= set(expected)
    assert series["points"][-1]["at"] == history["until"]


def test_the_series_are_those_of_the_board_and_omit_what_was_taken_back(
    anyone: Caller, services: Services
) -> None:
    create_board(services)
    people = [Person.register(services) for _ in range(12)]
    count(services, *(act(person, points) for points, person in enumerate(people, start=1)))
    services.moderation.revoke_points(OPERATOR, people[11].user_id, None, "quiz")
    history = body_of(anyone("GET", PATH))
    board = body_of(anyone("GET", "/api/boards/quiz/leaderboard"))
    assert [each["userId"] for each in history["series"]] == [
        row["userId"] for row in board["leaderboard"]
    ]
    assert history["version"] <= board["version"]
    assert len(body_of(anyone("GET", f"{PATH}?limit=3"))["series"]) == 3


def test_a_period_that_is_over_keeps_its_history(anyone: Caller, services: Services) -> None:
    create_board(services, periods=("day", "all"))
    person = Person.register(services)
    count(services, act(person, 7))
    with services.database.transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE standings SET starts_on = starts_on - 2 WHERE period = 'day'"
        )
        connection.exec_driver_sql("UPDATE actions SET created_at = created_at - interval '2 days'")
    at = datetime.now(UTC) - timedelta(days=2)
    history = body_of(anyone("GET", f"{PATH}?at={at:%Y-%m-%dT%H:%M:%S}"))
    assert (history["since"], history["until"]) == (history["startsAt"], history["endsAt"])
    assert [scores(each) for each in history["series"]] == [[7, 7]]
    assert history["version"] is None
    assert body_of(anyone("GET", PATH))["series"] == []


def test_main_has_its_history_as_a_board(anyone: Caller, services: Services) -> None:
    person = Person.register(services)
    person.score(2)
    found = body_of(anyone("GET", "/api/boards/main/history"))
    assert [scores(each)[-1] for each in found["series"]] == [2]
    assert found["board"] == "main"


def test_a_wrong_query_is_refused(anyone: Caller, services: Services) -> None:
    create_board(services)
    assert body_of(anyone("GET", f"{PATH}?since=yesterday"), 400)
    assert body_of(anyone("GET", f"{PATH}?period=day"), 400)
    assert body_of(anyone("GET", "/api/boards/none/history"), 404)
