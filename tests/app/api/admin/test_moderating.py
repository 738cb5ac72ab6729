"""The acts of admins and their audit entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.contract.errors import InvalidCredentials, SessionRevoked, UserBanned
from tests.support.api_client import (
    ACT,
    Caller,
    board,
    body_of,
    latest,
    refused,
)
from tests.support.players import PASSWORD, Person
from tests.support.service_acts import act, count, create_board
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_a_ban_and_its_end(services: Services, admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}"
    user = body_of(admin("POST", f"{path}/ban", {"reason": "cheats"}))
    assert (user["status"], user["bannedUntil"], user["rank"]) == ("banned", None, None)
    assert board(services) == []
    assert latest(admin) == (f"admin:{admin.user_id}", "ban", ada.user_id, "cheats")
    with pytest.raises(UserBanned):
        services.sessions.verify(ada.identity)
    user = body_of(admin("POST", f"{path}/unban", {"reason": "a mistake"}))
    assert (user["status"], user["score"], user["rank"]) == ("active", 3, 1)
    assert latest(admin)[1:] == ("unban", ada.user_id, "a mistake")
    body_of(admin("POST", f"{path}/unban", {}))
    assert latest(admin)[3] == "a mistake"


def test_a_ban_may_have_a_reason_for_the_player(
    services: Services, admin: Caller, ada: Person
) -> None:
    body = {"reason": "told by Bea", "publicReason": "One account for each player"}
    body_of(admin("POST", f"/api/admin/users/{ada.user_id}/ban", body))
    with pytest.raises(UserBanned) as banned:
        services.accounts.log_in(ada.username, PASSWORD)
    assert banned.value.ban is not None
    assert banned.value.ban.reason == "One account for each player"


def test_a_timed_ban_shows_its_end(admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}/ban"
    before = datetime.now(UTC)
    user = body_of(admin("POST", path, {"reason": "cheats", "seconds": 7200}))
    until = datetime.fromisoformat(user["bannedUntil"])
    assert abs(until - before - timedelta(hours=2)) < timedelta(seconds=5)
    for seconds in (0, -1, 10**12, "60", 1.5):
        body = {"reason": "cheats", "seconds": seconds}
        assert "seconds" in refused(admin("POST", path, body), 400, "VALIDATION_ERROR")["details"]


def test_an_admin_can_not_ban_or_delete_their_own_account(admin: Caller) -> None:
    path = f"/api/admin/users/{admin.user_id}"
    refused(admin("POST", f"{path}/ban", {"reason": "x"}), 400, "VALIDATION_ERROR")
    refused(admin("DELETE", path, {"reason": "x"}), 400, "VALIDATION_ERROR")
    assert body_of(admin("GET", path))["status"] == "active"


def test_a_flag_and_its_end_show_in_the_players_own_account(
    services: Services, admin: Caller, ada: Person, log_in: Callable[[str], Caller]
) -> None:
    path, player = f"/api/admin/users/{ada.user_id}", log_in(ada.username)

    def status() -> str:
        me = body_of(player("GET", "/api/users/me"))
        assert (me["flaggedUntil"] is not None) == (me["status"] == "flagged")
        return str(me["status"])

    assert status() == "active"
    user = body_of(admin("POST", f"{path}/flag", {"seconds": 3600}))
    assert (user["status"], status()) == ("flagged", "flagged")
    assert datetime.fromisoformat(user["flaggedUntil"]) > datetime.now(UTC)
    assert body_of(player("GET", "/api/users/me"))["flaggedUntil"] == user["flaggedUntil"]
    user = body_of(admin("POST", f"{path}/unflag", {}))
    assert (user["status"], user["flaggedUntil"], status()) == ("active", None, "active")
    # The flag has expired, but the stored status is not updated yet.
    with services.database.transaction() as connection:
        long_ago = "status = 'flagged', flagged_until = clock_timestamp() - interval '1 s'"
        connection.exec_driver_sql(f"UPDATE users SET {long_ago} WHERE username = '{ada.username}'")
    assert status() == "active"
    services.moderation.ban(ACT, ada.user_id)
    refused(admin("POST", f"{path}/flag", {"seconds": 60}), 400, "VALIDATION_ERROR")


def test_a_rename_and_what_it_refuses(services: Services, admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}/rename"
    user = body_of(admin("POST", path, {"displayName": " Mild ", "reason": "rude"}))
    assert (user["displayName"], user["username"]) == ("Mild", ada.username)
    assert board(services) == [("Mild", 3)]
    assert latest(admin)[1:] == ("rename", ada.user_id, "rude")
    other = Person.register(services)
    refused(admin("POST", path, {"username": other.username}), 409, "USERNAME_TAKEN")
    refused(admin("POST", path, {"reason": "x"}), 400, "VALIDATION_ERROR")
    for body, field in (
        ({"username": "a b"}, "username"),
        ({"displayName": "\u200b"}, "displayName"),
        ({"displayName": "x", "reason": ""}, "reason"),
        ({"displayName": "x", "reason": "a\nb"}, "reason"),
    ):
        details = refused(admin("POST", path, body), 400, "VALIDATION_ERROR")["details"]
        assert set(details) == {field}
    assert board(services) == [("Mild", 3)]


def test_a_password_ends_every_session(services: Services, admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}/password"
    refused(admin("POST", path, {"newPassword": "short"}), 400, "VALIDATION_ERROR")
    assert admin("POST", path, {"newPassword": "another password"}).status_code == 204
    with pytest.raises(SessionRevoked):
        services.sessions.verify(ada.identity)
    with pytest.raises(InvalidCredentials):
        services.accounts.log_in(ada.username, PASSWORD)
    services.accounts.log_in(ada.username, "another password")
    assert "another password" not in admin("GET", "/api/admin/audit").text


def test_deleting_takes_the_person_away(services: Services, admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}"
    refused(admin("DELETE", path, {}), 400, "VALIDATION_ERROR")
    assert board(services) == [("Ada", 3)]
    assert admin("DELETE", path, {"reason": "asked for it"}).status_code == 204
    assert board(services) == []
    assert latest(admin)[1:] == ("delete", ada.user_id, "asked for it")


def test_points_of_a_board_are_taken_back(services: Services, admin: Caller, ada: Person) -> None:
    create_board(services)
    count(services, act(ada, 9), act(ada, 4))
    path = f"/api/admin/users/{ada.user_id}/scores/revoke"
    user = body_of(admin("POST", path, {"reason": "a script's", "board": "quiz"}))
    assert (user["pointsRevoked"], user["score"]) == (13, 3)
    refused(admin("POST", path, {"reason": "x", "board": "none"}), 404, "NOT_FOUND")


def test_points_are_taken_back(services: Services, admin: Caller, ada: Person) -> None:
    path = f"/api/admin/users/{ada.user_id}/scores/revoke"
    since = datetime.now(UTC).isoformat()
    ada.score(2)
    user = body_of(admin("POST", path, {"reason": "a script's", "since": since}))
    assert (user["pointsRevoked"], user["score"], user["rank"]) == (2, 3, 1)
    refused(admin("POST", path, {}), 400, "VALIDATION_ERROR")
    for moment in ("yesterday", "0001-01-01T00:00:00+23:59"):
        body = {"reason": "x", "since": moment}
        assert "since" in refused(admin("POST", path, body), 400, "VALIDATION_ERROR")["details"]
    assert board(services) == [("Ada", 3)]
    user = body_of(admin("POST", path, {"reason": "all of it"}))
    assert (user["pointsRevoked"], user["score"], user["rank"]) == (3, 0, None)
