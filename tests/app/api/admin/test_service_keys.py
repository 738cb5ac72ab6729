"""/admin/service-keys: creating, reading and revoking service keys over HTTP."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.contract.errors import ServiceKeyInvalid
from tests.support.api_client import Caller, body_of, latest, refused
from tests.support.services import Services

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("key_boards")]

PATH = "/api/admin/service-keys"


def create(admin: Caller, **fields: Any) -> dict[str, Any]:
    reply = admin("POST", PATH, {"name": "judge", "boards": ["quiz-night"]} | fields)
    assert reply.headers["Cache-Control"] == "no-store"
    return body_of(reply, 201)


def listed(admin: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body_of(admin("GET", PATH))["keys"]
    return found


def test_the_key_is_shown_once(services: Services, admin: Caller) -> None:
    made = create(admin, boards=["quiz-night", "finals"], reason="for tonight")
    text = made.pop("key")
    assert services.service_keys.authenticate(text).boards == {"quiz-night", "finals"}
    assert made["boards"] == ["finals", "quiz-night"]
    assert (made["valid"], made["createdBy"], made["lastUsedAt"]) == (
        True,
        f"admin:{admin.user_id}",
        None,
    )
    (row,) = listed(admin)
    assert datetime.now(UTC) - datetime.fromisoformat(row.pop("lastUsedAt")) < timedelta(seconds=9)
    assert row | {"lastUsedAt": None} == made
    secret = text.split("_")[2]
    for path in (PATH, "/api/admin/audit"):
        assert secret not in admin("GET", path).text
    by = f"admin:{admin.user_id}"
    assert latest(admin) == (by, "create-service-key", None, "for tonight")


def test_fields_that_are_not_valid_are_named(admin: Caller) -> None:
    valid: dict[str, Any] = {"name": "judge", "boards": ["finals"]}
    for changed, name in (
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"boards": []}, "boards"),
        ({"boards": ["x"] * 101}, "boards"),
        ({"boards": "finals"}, "boards"),
        ({"boards": ["No board"]}, "boards"),
        ({"boards": ["x" * 65]}, "boards"),
        ({"boards": ["\0"]}, "boards"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "0001-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "9999-12-31T23:00:00Z"}, "expiresAt"),
        ({"key": "sk_mine"}, "key"),
    ):
        body = refused(admin("POST", PATH, valid | changed), 400, "VALIDATION_ERROR")
        assert set(body["details"]) == {name}, changed
    assert listed(admin) == []


def test_a_key_expires_at_the_given_time(admin: Caller) -> None:
    made = create(admin, expiresAt="2100-01-02T03:04:05+01:00")
    assert made["expiresAt"] == "2100-01-02T02:04:05.000Z"


def test_a_key_is_revoked_once(services: Services, admin: Caller) -> None:
    made = create(admin)
    path = f"{PATH}/{made['id']}"
    assert admin("DELETE", path, {"reason": "it leaked"}).status_code == 204
    with pytest.raises(ServiceKeyInvalid):
        services.service_keys.authenticate(made["key"])
    (row,) = listed(admin)
    assert (row["valid"], row["revokedBy"]) == (False, f"admin:{admin.user_id}")
    assert latest(admin)[1:] == ("revoke-service-key", None, "it leaked")
    assert admin("DELETE", path).status_code == 204
    assert listed(admin) == [row]
    assert latest(admin)[3] == "it leaked"


def test_an_unknown_key_is_not_found(admin: Caller) -> None:
    for key_id in (uuid.uuid4().hex, "x", "%00", "sk_1"):
        refused(admin("DELETE", f"{PATH}/{key_id}"), 404, "NOT_FOUND")
