"""Calls of an API in this process with a token, and checks of their replies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.audit.audited_change import Initiator
from tests.support.services import Services

ACT = Initiator("test", "because")
USER_FIELDS = {
    "userId",
    "username",
    "displayName",
    "status",
    "role",
    "score",
    "createdAt",
    "lastLoginAt",
    "flaggedUntil",
    "bannedUntil",
}


@dataclass(frozen=True)
class Caller:
    """A caller of the API with a token; the token may be empty."""

    app: Flask
    user_id: str
    token: str

    def __call__(self, method: str, path: str, body: Any = None) -> TestResponse:
        return self.app.test_client().open(
            path,
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
        )


def operations(app: Flask, user_id: str) -> list[tuple[str, str]]:
    """Method and path of every documented operation of /admin."""
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    return [
        (method.upper(), path.replace("{user_id}", user_id))
        for path, found in paths.items()
        for method in found
        if path.startswith("/api/admin/") and method != "parameters"
    ]


def body_of(reply: TestResponse, status: int = 200) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    body: dict[str, Any] = reply.get_json()
    return body


def refused(reply: TestResponse, status: int, code: str) -> dict[str, Any]:
    body = body_of(reply, status)
    assert body["code"] == code
    return body


def latest(admin: Caller) -> tuple[str, str, str | None, str]:
    """Actor, act, user, if there is one, and reason of the latest audit entry."""
    (entry,) = body_of(admin("GET", "/api/admin/audit?limit=1"))["entries"]
    return entry["actor"], entry["act"], entry["userId"], entry["reason"]


def board(services: Services) -> list[tuple[str, int]]:
    return [(row.display_name, row.score) for row in services.leaderboard.top().rows]
