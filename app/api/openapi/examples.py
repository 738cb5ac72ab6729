"""An example of each operation; a test sends them all to a running server.

`$ACCESS` and the like are values that only a server can issue; VARIABLES says where they come from.
"""

from __future__ import annotations

import json
import shlex
from urllib.parse import urlencode

from app.api.openapi.board_examples import BOARD_EXAMPLES
from app.api.openapi.example import Example

VARIABLES = {
    "API": "the URL of the API, such as http://127.0.0.1:8000/api",
    "ACCESS": "`accessToken` of a register, login or refresh",
    "REFRESH": "`refreshToken` of the same reply",
    "ACTION": "`actionToken` of POST /api/actions/token",
    "ADMIN": "the `accessToken` of a user with the admin role",
    "CODE": "the code that a screen shows",
    "USER": "a username, or the `userId` of a user",
    "SERVICE_ID": "the `id` of a service key",
    "SERVICE": "the `key` of POST /api/admin/service-keys, bound to the board",
    "BOARD": "the key of a board whose scores come from a service",
    "NEW_BOARD": "a key that no board has",
    "NEW_ID": "a new UUIDv7",
}
PATH_VARIABLES = {"user": "USER", "service_key": "SERVICE_ID", "key": "BOARD"}
"""The variable that stands for each parameter of a path."""

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
_BOARD = {
    "version": 1795479476347,
    "updatedAt": _AT,
    "leaderboard": [_ROW],
    "next": None,
    "previous": None,
}
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
_SERVICE_KEY_ID = "9f0c1a52f1a94c9a8b8f0a6f2d3c4e5b"
_SERVICE_KEY = {
    "id": _SERVICE_KEY_ID,
    "name": "quiz server",
    "boards": ["quiz-night"],
    "createdAt": _AT,
    "createdBy": f"admin:{_USER_ID}",
    "expiresAt": "2036-12-24T00:00:00.000Z",
    "revokedAt": None,
    "revokedBy": None,
    "lastUsedAt": None,
    "valid": True,
}


_OF_A_USER = "/api/admin/users/{user}"
EXAMPLES: dict[tuple[str, str], Example] = BOARD_EXAMPLES | {
    ("post", "/api/auth/register"): Example(
        {**_NAMES, **_TOKENS}, {**_LOGIN, "displayName": "Ada L."}
    ),
    ("post", "/api/auth/login"): Example({"userId": _USER_ID, **_TOKENS}, _LOGIN),
    ("post", "/api/auth/refresh"): Example(_TOKENS, {"refreshToken": "$REFRESH"}),
    ("post", "/api/auth/logout"): Example(None),
    ("post", "/api/auth/password"): Example(
        _TOKENS, {"oldPassword": "correct horse", "newPassword": "battery staple"}
    ),
    ("get", "/api/users/me"): Example(
        {
            **_NAMES,
            "score": 1,
            "rank": 1,
            "role": "player",
            "status": "active",
            "flaggedUntil": None,
        }
    ),
    ("post", "/api/actions/token"): Example(
        {"actionToken": "OTA1OGYzYjUtMzI5Yi00NDRk….rAT20pmiYCA_YIH…", "expiresIn": 60},
        {"board": "main"},
    ),
    ("post", "/api/scores/increment"): Example(
        {"newScore": 1, "newRank": 1, "boardVersion": 1795479476347}, {"actionToken": "$ACTION"}
    ),
    ("get", "/api/leaderboard"): Example(_BOARD, query={"limit": 3}),
    ("get", "/api/leaderboard/around-me"): Example(_BOARD, query={"span": 2}),
    ("get", "/api/leaderboard/search"): Example(
        {"version": 1795479476347, "updatedAt": _AT, "leaderboard": [_ROW], "more": False},
        query={"username": "ada"},
    ),
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
    ("post", "/api/displays/pairing"): Example(
        {"code": "BCD-FGH", "secret": "yR3-V2o_…", "expiresIn": 600, "pollSeconds": 2}
    ),
    ("post", "/api/displays/token"): Example({"displayToken": None}, {"secret": "yR3-V2o_…"}),
    ("post", "/api/admin/displays/pair"): Example(
        {"id": _USER_ID, "name": "main hall", "expiresAt": _AT},
        {"code": "$CODE", "name": "main hall", "days": 30},
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
    ("post", "/api/admin/service-keys"): Example(
        {**_SERVICE_KEY, "key": f"sk_{_SERVICE_KEY_ID}_27d1…"},
        {"name": "quiz server", "boards": ["$BOARD"], "expiresAt": "2036-12-24T00:00:00Z"},
    ),
    ("get", "/api/admin/service-keys"): Example({"keys": [_SERVICE_KEY]}),
    ("delete", "/api/admin/service-keys/{service_key}"): Example(None, {"reason": "it leaked"}),
    ("get", "/api/health/live"): Example({"status": "alive", "uptime": 7}),
    ("get", "/api/health"): Example(
        {
            "status": "healthy",
            "redis": "ok",
            "database": "ok",
            "background": "ok",
            "uptime": 7,
            "timestamp": _AT,
        }
    ),
}


def curl(method: str, path: str, example: Example, token: str | None) -> str:
    """The example as a shell command that uses VARIABLES; `token` names the one for access."""
    url = "$API" + path.removeprefix("/api")
    for parameter, variable in PATH_VARIABLES.items():
        url = url.replace(f"{{{parameter}}}", f"${variable}")
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
        lines.append(f"-d {_quote(json.dumps(example.body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _quote(text: str) -> str:
    """The text in single quotes, or in double quotes if it contains a variable."""
    if "$" not in text:
        return shlex.quote(text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
