"""What admins read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.audit.audited_change import Initiator
from app.moderation import fraud_event_rows
from app.moderation.fraud_event_rows import NewFraudEvent
from tests.support.api_client import (
    ACT,
    USER_FIELDS,
    Caller,
    body_of,
    operations,
    refused,
)
from tests.support.players import PASSWORD, Person
from tests.support.services import Services

pytestmark = pytest.mark.slow


def test_users_are_read_in_pages_by_status_and_by_a_part_of_a_name(
    services: Services, admin: Caller
) -> None:
    for name in ("ada", "ben", "cleo"):
        services.accounts.register(name, PASSWORD, f"The {name.upper()}%")
    services.moderation.ban(ACT, services.moderation.find("ben").id)

    def names(query: str) -> tuple[list[str], str | None]:
        page = body_of(admin("GET", f"/api/admin/users?{query}"))
        return [user["username"] for user in page["users"]], page["next"]

    assert names("q=the") == (["ada", "ben", "cleo"], None)
    assert names("q=the&limit=2") == (["ada", "ben"], "ben")
    assert names("q=the&limit=2&after=ben") == (["cleo"], None)
    assert names("status=banned") == (["ben"], None)
    assert names("q=LEO%25") == (["cleo"], None)
    assert names("q=%25eo") == ([], None)
    assert len(names("")[0]) == 4
    for query in ("limit=0", "limit=201", "status=deleted", "q=%00", "after=%00"):
        refused(admin("GET", f"/api/admin/users?{query}"), 400, "VALIDATION_ERROR")


def test_a_user_is_read_with_rank(admin: Caller, ada: Person) -> None:
    user = body_of(admin("GET", f"/api/admin/users/{ada.user_id}"))
    assert set(user) == USER_FIELDS | {"rank"}
    assert (user["displayName"], user["score"], user["rank"]) == ("Ada", 3, 1)
    assert body_of(admin("GET", f"/api/admin/users/{admin.user_id}"))["rank"] is None


def test_usernames_are_accepted_where_ids_are(
    services: Services, admin: Caller, ada: Person
) -> None:
    for user in (ada.user_id, ada.username, ada.username.upper()):
        assert body_of(admin("GET", f"/api/admin/users/{user}"))["userId"] == ada.user_id
        body = {"reason": "cheats"}
        banned = body_of(admin("POST", f"/api/admin/users/{user}/ban", body))
        assert (banned["userId"], banned["status"]) == (ada.user_id, "banned")
        body_of(admin("POST", f"/api/admin/users/{user}/unban", body))
        (entry,) = body_of(admin("GET", f"/api/admin/audit?limit=1&user={user}"))["entries"]
        assert (entry["act"], entry["userId"]) == ("unban", ada.user_id)
    refused(admin("GET", "/api/admin/audit?user=no.such.user"), 404, "NOT_FOUND")
    services.moderation.delete(ACT, ada.user_id)
    (entry,) = body_of(admin("GET", f"/api/admin/audit?limit=1&user={ada.user_id}"))["entries"]
    assert entry["act"] == "delete"


def test_unknown_and_malformed_users_are_not_found(
    app: Flask, services: Services, admin: Caller, ada: Person
) -> None:
    services.moderation.delete(ACT, ada.user_id)
    bodies: dict[str, dict[str, object]] = {
        "flag": {"seconds": 60},
        "password": {"newPassword": PASSWORD},
        "rename": {"username": "abc"},
    }
    for user_id in (str(uuid4()), "x", ada.user_id):
        for method, path in operations(app, user_id):
            if user_id in path:
                body = {"reason": "x", **bodies.get(path.rpartition("/")[2], {})}
                refused(admin(method, path, body if method != "GET" else None), 404, "NOT_FOUND")


def test_fraud_events_are_read_with_their_evidence(
    services: Services, admin: Caller, ada: Person
) -> None:
    evidence = {"attempts": 9, "windowSeconds": 10}
    event = NewFraudEvent(ada.user_id, "token", "rapid requests", "too fast", evidence, "FLAG", 1)
    with services.database.transaction() as connection:
        fraud_event_rows.insert(connection, event)

    def events(query: str) -> list[dict[str, Any]]:
        found = body_of(admin("GET", f"/api/admin/fraud/events?{query}"))["events"]
        assert isinstance(found, list)
        return found

    (found,) = events(f"user={ada.user_id}&since=2020-01-01T00:00:00Z&limit=5")
    assert (found["username"], found["rule"], found["action"]) == (
        ada.username,
        "rapid requests",
        "FLAG",
    )
    assert found["evidence"] == evidence
    assert events(f"user={uuid4()}") == []
    (found,) = events("since=2020-01-01T00:00:00%2B23:59")
    assert events("since=2120-01-01") == [] == events("since=2120-01-01T00:00:00")
    for query in ("user=%00", "since=x", "limit=0"):
        refused(admin("GET", f"/api/admin/fraud/events?{query}"), 400, "VALIDATION_ERROR")


def test_the_audit_is_read_of_one_user_or_of_all(
    services: Services, admin: Caller, ada: Person
) -> None:
    services.moderation.flag(Initiator("operator:ben", "odd"), ada.user_id, 60)
    (entry,) = body_of(admin("GET", f"/api/admin/audit?user={ada.user_id}"))["entries"]
    assert datetime.fromisoformat(entry.pop("at")) <= datetime.now(UTC)
    assert isinstance(entry.pop("id"), int)
    assert entry == {
        "actor": "operator:ben",
        "act": "flag",
        "userId": ada.user_id,
        "reason": "odd",
        "details": {"seconds": 60},
    }
    everything = body_of(admin("GET", "/api/admin/audit"))["entries"]
    assert [each["act"] for each in everything] == ["flag", "set-role"]


def test_replies_hold_no_password(services: Services, admin: Caller, ada: Person) -> None:
    text = admin("GET", "/api/admin/users").text + json.dumps(
        body_of(admin("GET", f"/api/admin/users/{ada.user_id}"))
    )
    assert "password" not in text.lower()
    assert services.accounts.find(ada.user_id).password_hash not in text
