"""An example of each call; a test sends them all to a running server.

`$ACCESS` and its like stand for what only the server can make; VARIABLES says where it is had.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

VARIABLES = {
    "API": "where the API is, such as http://127.0.0.1:8000/api",
    "ACCESS": "`accessToken` of a register, login or refresh",
    "REFRESH": "`refreshToken` of the same",
    "ACTION": "`actionToken` of POST /api/actions/token",
    "ADMIN": "the `accessToken` of a user with the admin role",
    "USER_ID": "`userId` of a user",
}

_USER_ID = "9058f3b5-329b-444d-a70e-d16ecd49bddd"
_AT = "2026-11-24T00:17:56.346Z"
_TOKENS = {
    "accessToken": "eyJhbGciOiJSUzI1NiIs…",
    "refreshToken": "eyJhbGciOiJSUzI1NiIs…",
    "tokenType": "Bearer",
    "expiresIn": 900,
}
_NAMES = {"userId": _USER_ID, "username": "ada", "displayName": "Ada L."}
_ROW = {"rank": 1, **_NAMES, "score": 1}
_BOARD = {"version": 1795479476347, "updatedAt": _AT, "leaderboard": [_ROW], "next": None}
_USER = {
    **_NAMES,
    "status": "active",
    "role": "player",
    "score": 1,
    "createdAt": _AT,
    "lastLoginAt": _AT,
    "flaggedUntil": None,
    "bannedUntil": None,
}
_RANKED = {**_USER, "rank": 1}
_LOGIN = {"username": "ada", "password": "correct horse"}
_REASON = {"reason": "it was a mistake"}
_EVENT = {
    "id": 1,
    "createdAt": _AT,
    "userId": _USER_ID,
    "username": "ada",
    "rule": "rapid_requests",
    "kind": "token",
    "action": "FLAG",
    "reason": "9 token requests within 10 s, where 8 are allowed",
    "evidence": {"attempts": 9, "windowMs": 10000},
}
_ENTRY = {
    "id": 12,
    "at": _AT,
    "actor": "operator:root",
    "act": "ban",
    "userId": _USER_ID,
    "reason": "seven accounts",
    "details": {"until": None},
}


@dataclass(frozen=True)
class Example:
    """What is sent, and what then comes; None for a reply without a body."""

    reply: Mapping[str, Any] | None
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)


_OF_A_USER = "/api/admin/users/{user_id}"
EXAMPLES: dict[tuple[str, str], Example] = {
    ("post", "/api/auth/register"): Example(
        {**_NAMES, **_TOKENS}, {**_LOGIN, "displayName": "Ada L."}
    ),
    ("post", "/api/auth/login"): Example({"userId": _USER_ID, **_TOKENS}, _LOGIN),
    ("post", "/api/auth/refresh"): Example(_TOKENS, {"refreshToken": "$REFRESH"}),
    ("post", "/api/auth/logout"): Example(None),
    ("post", "/api/auth/password"): Example(
        None, {"oldPassword": "correct horse", "newPassword": "battery staple"}
    ),
    ("get", "/api/users/me"): Example({**_NAMES, "score": 1, "rank": 1, "status": "active"}),
    ("post", "/api/actions/token"): Example(
        {"actionToken": "OTA1OGYzYjUtMzI5Yi00NDRk….rAT20pmiYCA_YIH…", "expiresIn": 60}
    ),
    ("post", "/api/scores/increment"): Example(
        {"newScore": 1, "newRank": 1, "boardVersion": 1795479476347}, {"actionToken": "$ACTION"}
    ),
    ("get", "/api/leaderboard"): Example(_BOARD, query={"limit": 3}),
    ("get", "/api/leaderboard/around-me"): Example(_BOARD, query={"span": 2}),
    ("get", "/api/leaderboard/history"): Example(
        {
            "version": 1795479476347,
            "since": "2026-11-23T23:18:00.000Z",
            "until": "2026-11-24T00:18:02.118Z",
            "series": [
                {
                    **_ROW,
                    "points": [
                        {"at": "2026-11-23T23:18:00.000Z", "score": 0},
                        {"at": _AT, "score": 1},
                        {"at": "2026-11-24T00:18:02.118Z", "score": 1},
                    ],
                }
            ],
        },
        query={"limit": 3},
    ),
    ("get", "/api/admin/users"): Example(
        {"users": [_USER], "next": None}, query={"status": "active", "limit": 20}
    ),
    ("get", _OF_A_USER): Example(_RANKED),
    ("delete", _OF_A_USER): Example(None, {"reason": "they asked to be forgotten"}),
    ("post", f"{_OF_A_USER}/ban"): Example(
        {**_RANKED, "status": "banned", "rank": None, "bannedUntil": _AT},
        {"reason": "seven accounts", "seconds": 7200},
    ),
    ("post", f"{_OF_A_USER}/unban"): Example(_RANKED, _REASON),
    ("post", f"{_OF_A_USER}/flag"): Example(
        {**_RANKED, "status": "flagged", "flaggedUntil": _AT}, {"seconds": 3600}
    ),
    ("post", f"{_OF_A_USER}/unflag"): Example(_RANKED, _REASON),
    ("post", f"{_OF_A_USER}/rename"): Example(
        {**_RANKED, "displayName": "Player 7"}, {"displayName": "Player 7"}
    ),
    ("post", f"{_OF_A_USER}/password"): Example(None, {"newPassword": "battery staple"}),
    ("post", f"{_OF_A_USER}/scores/revoke"): Example(
        {**_RANKED, "score": 0, "rank": None, "pointsRevoked": 1},
        {"reason": "made by a script", "since": "2026-11-24T00:00:00Z"},
    ),
    ("get", "/api/admin/fraud/events"): Example({"events": [_EVENT]}, query={"limit": 20}),
    ("get", "/api/admin/audit"): Example({"entries": [_ENTRY]}, query={"limit": 20}),
    ("get", "/api/health/live"): Example({"status": "alive", "uptime": 7}),
    ("get", "/api/health"): Example(
        {"status": "healthy", "redis": "ok", "database": "ok", "uptime": 7, "timestamp": _AT}
    ),
}


def curl(method: str, path: str, example: Example, token: str | None) -> str:
    """The example as a command of a shell that has VARIABLES; `token` names the one it needs."""
    url = "$API" + path.removeprefix("/api").replace("{user_id}", "$USER_ID")
    if example.query:
        url += "?" + urlencode(example.query)
    words = ["curl -s"]
    if method != ("get" if example.body is None else "post"):
        words.append(f"-X {method.upper()}")
    lines = [" ".join([*words, f'"{url}"'])]
    if token:
        lines.append(f'-H "Authorization: Bearer ${token}"')
    if example.body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {_quoted(json.dumps(example.body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    """In single quotes, but where the shell has to put a variable in."""
    if "$" not in text:
        return shlex.quote(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
