"""The calls of the API that have a body, and a check that they refuse a body."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.api_requests import Api, refused
from tests.support.system.player import PASSWORD, Player


@dataclass(frozen=True)
class Call:
    """A call with a body: a valid body, and which of its fields are optional."""

    path: str
    good: dict[str, str]
    optional: set[str] = field(default_factory=set)

    @property
    def required(self) -> set[str]:
        return set(self.good) - self.optional


CALLS = [
    Call(
        "/api/auth/register",
        {"username": "new_name", "password": PASSWORD, "displayName": "New"},
        {"displayName"},
    ),
    Call("/api/auth/login", {"username": "unregistered", "password": PASSWORD}),
    Call("/api/auth/refresh", {"refreshToken": "x.y.z"}),
    Call("/api/auth/password", {"oldPassword": "not the old", "newPassword": PASSWORD}),
    Call("/api/scores/increment", {"actionToken": "x.y"}),
]
each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.path)


def invalid(api: Api, player: Player, call: Call, body: Any, fields: set[str]) -> None:
    """Assert that the call refuses the body (bytes, or an object to serialize) for these fields."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    reply = api.post_raw(call.path, data, token=player.access_token)
    refused(reply, 400, "VALIDATION_ERROR", fields)
