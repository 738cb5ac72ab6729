"""Moments whose period can't be read, and texts that are no board's key, are refused by name."""

from __future__ import annotations

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.api_client import Caller, body_of, refused
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import OPERATOR, create_board
from tests.support.services import Services

READS = (
    "/api/boards/quiz/leaderboard",
    "/api/boards/quiz/leaderboard.csv",
    "/api/boards/quiz/leaderboard/around-me",
    "/api/boards/quiz/history",
    "/api/admin/boards/quiz/leaderboard",
)
NO_KEYS = ("a%00", "No-Board", "a" * 65)


@pytest.fixture
def admin(app: Flask, services: Services) -> Caller:
    """An admin, who may call everything."""
    person = Person.register(services)
    services.moderation.set_role(OPERATOR, person.user_id, "admin")
    login = services.accounts.log_in(person.username, PASSWORD)
    return Caller(app, person.user_id, login.tokens.access_token)


@pytest.mark.parametrize("at", ["0001-01-01", "1969-12-31", "9999-01-01", "9999-12-31"])
def test_a_moment_of_a_year_without_periods_is_refused(
    admin: Caller, services: Services, at: str
) -> None:
    # East of UTC, where the first of these days begins before the first year that Python has.
    create_board(services, periods=("day", "month"), time_zone="Asia/Tokyo")
    for path in READS:
        reply = admin("GET", f"{path}?period=month&at={at}T00:00:00Z")
        assert list(refused(reply, 400, "VALIDATION_ERROR")["details"]) == ["at"], path
    for kind in ("day", "month"):
        check_missing(admin("GET", f"/?board=quiz&period={kind}&at={at}"))


@pytest.mark.parametrize("at", ["1970-01-01T00:00:00Z", "9998-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize("time_zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_first_and_the_last_moment_can_be_read_in_every_time_zone(
    admin: Caller, services: Services, at: str, time_zone: str
) -> None:
    create_board(services, periods=("week", "month"), time_zone=time_zone)
    for kind in ("week", "month"):
        for path in READS:
            assert admin("GET", f"{path}?period={kind}&at={at}").status_code == 200, path
        page = f"/?board=quiz&period={kind}&at={at[:10]}"
        assert admin("GET", page).status_code == 200


@pytest.mark.parametrize("key", NO_KEYS)
def test_no_board_is_found_by_a_text_that_is_no_key(admin: Caller, key: str) -> None:
    board, of_admins = f"/api/boards/{key}", f"/api/admin/boards/{key}"
    calls = [
        ("GET", board, None),
        *(("GET", path.replace("/quiz", f"/{key}"), None) for path in READS),
        ("PATCH", of_admins, {"title": "Quiz"}),
        ("POST", f"{of_admins}/unfreeze", {}),
        ("POST", f"{of_admins}/archive", {}),
    ]
    for method, path, body in calls:
        refused(admin(method, path, body), 404, "NOT_FOUND")
    for page in (f"/?board={key}", f"/embed/{key}"):
        check_missing(admin("GET", page))


def check_missing(page: TestResponse) -> None:
    """Check that the reply is the page of a board or a period that does not exist."""
    assert (page.status_code, page.mimetype) == (404, "text/html")


def test_a_text_that_postgresql_can_not_store_is_refused(admin: Caller, services: Services) -> None:
    name = Person.register(services).username
    for text in ("a\0", "a\ud800"):
        body = {"reason": "a test", "board": text}
        reply = admin("POST", f"/api/admin/users/{name}/scores/revoke", body)
        assert list(refused(reply, 400, "VALIDATION_ERROR")["details"]) == ["board"]
    reply = admin("GET", "/api/boards?after=a%00")
    assert list(refused(reply, 400, "VALIDATION_ERROR")["details"]) == ["after"]
    assert body_of(admin("GET", "/api/boards"))["next"] is None
