"""Calls of the API by somebody with a token, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.composition import Services
from app.services.moderation import Act

ACT = Act("test", "because")
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
    """Somebody who calls the API with a token of theirs."""

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


def latest(admin: Caller) -> tuple[str, str, str, str]:
    """Actor, act, user and reason of the latest act."""
    (entry,) = body_of(admin("GET", "/api/admin/audit?limit=1"))["entries"]
    return entry["actor"], entry["act"], entry["userId"], entry["reason"]


def board(services: Services) -> list[tuple[str, int]]:
    return [(row.display_name, row.score) for row in services.leaderboard.top().rows]
