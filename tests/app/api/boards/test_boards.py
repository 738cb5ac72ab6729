"""/api/boards: boards, standings of present and past periods, CSV, and a player's own standings."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import text

from tests.support.api_client import Caller, body_of
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import OPERATOR, act, count, create_board
from tests.support.services import Services

WEEK = timedelta(days=7)


@pytest.fixture
def anyone(app: Flask) -> Caller:
    """A caller without credentials."""
    return Caller(app, "", "")


def player(app: Flask, person: Person) -> Caller:
    login = person.services.accounts.log_in(person.username, PASSWORD)
    return Caller(app, person.user_id, login.tokens.access_token)


def move_to_the_past(services: Services, by: timedelta) -> None:
    """As if all acts on boards had been made that much earlier, by whole days."""
    with services.database.transaction() as connection:
        connection.execute(
            text("UPDATE standings SET starts_on = starts_on - :days WHERE period <> 'all'"),
            {"days": by.days},
        )
        connection.execute(
            text("UPDATE actions SET created_at = created_at - :by WHERE board_id <> 0"),
            {"by": by},
        )


def test_boards_are_listed_with_their_settings(anyone: Caller, services: Services) -> None:
    settings = {"better": "low", "combine": "best", "periods": ("day", "all")}
    create_board(services, "golf", time_zone="Europe/Zurich", **settings)
    services.boards.archive(OPERATOR, create_board(services, "old").settings.key)
    listed = body_of(anyone("GET", "/api/boards"))
    assert [board["key"] for board in listed["boards"]] == ["golf", "main"]
    golf = body_of(anyone("GET", "/api/boards/golf"))
    assert golf.pop("createdAt")
    assert golf == {
        "key": "golf",
        "title": "Golf",
        "better": "low",
        "combine": "best",
        "scoredBy": "service",
        "points": {"min": 0, "max": 1000},
        "periods": ["day", "all"],
        "timeZone": "Europe/Zurich",
        "state": "open",
        "opensAt": None,
        "freezesAt": None,
        "closesAt": None,
        "thawedAt": None,
        "finalizedAt": None,
    }
    assert body_of(anyone("GET", "/api/boards/old"))["state"] == "archived"
    for unknown in ("nothing", "No-Board", "%00"):
        assert body_of(anyone("GET", f"/api/boards/{unknown}"), 404)["code"] == "NOT_FOUND"


def test_boards_are_listed_page_by_page(anyone: Caller, services: Services) -> None:
    for key in ("a", "b", "c"):
        create_board(services, key)
    found, after = [], ""
    while after is not None:
        page = body_of(anyone("GET", f"/api/boards?limit=2&after={after}"))
        found += [board["key"] for board in page["boards"]]
        after = page["next"]
    assert found == ["a", "b", "c", "main"]


def test_last_week_stays_readable_after_this_week_has_begun(
    anyone: Caller, services: Services
) -> None:
    create_board(services, periods=("week", "all"))
    ada, bob = Person.register(services), Person.register(services)
    count(services, act(ada, 30), act(bob, 20))
    move_to_the_past(services, WEEK)
    count(services, act(bob, 5))
    now = datetime.now(UTC)
    last = f"/api/boards/quiz/leaderboard?period=week&at={(now - WEEK):%Y-%m-%dT%H:%M:%SZ}"
    this, past, ever = (
        body_of(anyone("GET", path))
        for path in (
            "/api/boards/quiz/leaderboard",
            last,
            "/api/boards/quiz/leaderboard?period=all",
        )
    )
    assert [row["score"] for row in this["leaderboard"]] == [5]
    assert [row["score"] for row in past["leaderboard"]] == [30, 20]
    assert [row["score"] for row in ever["leaderboard"]] == [30, 25]
    assert past["endsAt"] == this["startsAt"]
    assert (ever["startsAt"], ever["endsAt"]) == (None, None)
    saved = anyone("GET", last.replace("?", ".csv?")).headers["Content-Disposition"]
    assert saved == f'attachment; filename="quiz-week-{past["startsAt"][:10]}.csv"'
    assert services.ledger_check.verify().sound


def test_a_period_that_the_board_does_not_have_is_refused(
    anyone: Caller, services: Services
) -> None:
    create_board(services)
    refused = body_of(anyone("GET", "/api/boards/quiz/leaderboard?period=day"), 400)
    assert refused["details"] == {"period": ["One of all."]}


def test_pages_and_the_csv_have_the_same_rows(anyone: Caller, services: Services) -> None:
    create_board(services, better="low", combine="best")
    people = [Person.register(services, f"Player {number}") for number in range(7)]
    points = [3, 1, 3, 0, 9, 1, 3]
    count(services, *(act(*each) for each in zip(people, points, strict=True)))
    rows, after = [], ""
    while after is not None:
        query = f"limit=2&after={after}" if after else "limit=2"
        page = body_of(anyone("GET", f"/api/boards/quiz/leaderboard?{query}"))
        rows += page["leaderboard"]
        after = page["next"]
    assert [(row["rank"], row["score"]) for row in rows] == [
        (1, 0),
        (2, 1),
        (2, 1),
        (4, 3),
        (4, 3),
        (4, 3),
        (7, 9),
    ]
    reply = anyone("GET", "/api/boards/quiz/leaderboard.csv")
    assert reply.headers["Content-Type"].startswith("text/csv")
    exported = list(csv.DictReader(io.StringIO(reply.text)))
    assert exported == [{name: str(value) for name, value in row.items()} for row in rows]


def test_a_name_is_no_formula_in_a_spreadsheet(anyone: Caller, services: Services) -> None:
    create_board(services)
    count(services, act(Person.register(services, '=HYPERLINK("http://x")'), 1))
    (_, row) = csv.reader(io.StringIO(anyone("GET", "/api/boards/quiz/leaderboard.csv").text))
    assert row[3] == '\'=HYPERLINK("http://x")'


def test_main_is_a_board_too(app: Flask, anyone: Caller, services: Services) -> None:
    person = Person.register(services)
    person.score(2)
    found = body_of(anyone("GET", "/api/boards/main/leaderboard"))
    main = body_of(anyone("GET", "/api/leaderboard"))
    assert found["leaderboard"] == main["leaderboard"]
    around = body_of(player(app, person)("GET", "/api/boards/main/leaderboard/around-me"))
    assert [row["userId"] for row in around["leaderboard"]] == [person.user_id]
    (row,) = csv.DictReader(io.StringIO(anyone("GET", "/api/boards/main/leaderboard.csv").text))
    assert row == {name: str(value) for name, value in main["leaderboard"][0].items()}


def test_an_export_of_main_reads_every_page(anyone: Caller, services: Services) -> None:
    people = [Person.register(services) for _ in range(5)]
    for points, person in zip([2, 1, 3, 2, 1], people, strict=True):
        person.score(points)
    with patch("app.leaderboard.board_standings.EXPORT_ROWS", 2):
        text = anyone("GET", "/api/boards/main/leaderboard.csv").text
    found = [(int(row["rank"]), int(row["score"])) for row in csv.DictReader(io.StringIO(text))]
    assert found == [(1, 3), (2, 2), (2, 2), (4, 1), (4, 1)]


def test_players_see_their_score_rank_and_the_number_of_players_on_each_board(
    app: Flask, services: Services
) -> None:
    create_board(services, periods=("all", "week"))
    create_board(services, "golf", better="low")
    ada, bob = Person.register(services), Person.register(services)
    boards = ("quiz", "golf")
    acts = (act(ada, 7), act(bob, 9), act(ada, 0, board="golf"))
    count(services, *acts, boards=boards)
    ada.score(1)
    found = body_of(player(app, ada)("GET", "/api/users/me/standings"))["standings"]
    assert [
        (each["board"], each["period"], each["score"], each["rank"], each["players"])
        for each in found
    ] == [
        ("golf", "all", 0, 1, 1),
        ("main", "all", 1, 1, 1),
        ("quiz", "all", 7, 2, 2),
        ("quiz", "week", 7, 2, 2),
    ]
    without_points = Person.register(services)
    assert body_of(player(app, without_points)("GET", "/api/users/me/standings")) == {
        "standings": []
    }
