"""Health, public keys, the OpenAPI document, and both prefixes."""

from __future__ import annotations

import re
from typing import Any

import jwt
import pytest
from openapi_spec_validator import validate

from tests.support.api_requests import Api, but_request_id, refused
from tests.support.system.player import PASSWORD, Player

PREFIXES = ("", "/api")
OPERATIONS = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/logout"),
    ("POST", "/api/auth/password"),
    ("GET", "/api/users/me"),
    ("GET", "/api/users/me/standings"),
    ("GET", "/api/boards"),
    ("GET", "/api/boards/{key}"),
    ("GET", "/api/boards/{key}/leaderboard"),
    ("GET", "/api/boards/{key}/leaderboard.csv"),
    ("GET", "/api/boards/{key}/history"),
    ("GET", "/api/boards/{key}/leaderboard/around-me"),
    ("POST", "/api/service/scores"),
    ("POST", "/api/actions/token"),
    ("POST", "/api/scores/increment"),
    ("GET", "/api/leaderboard"),
    ("GET", "/api/leaderboard/around-me"),
    ("GET", "/api/leaderboard/search"),
    ("GET", "/api/leaderboard/history"),
    ("POST", "/api/displays/pairing"),
    ("POST", "/api/displays/token"),
    ("GET", "/api/health"),
    ("GET", "/api/health/live"),
}
OPEN_TO_ALL = {
    "/api/auth/register",
    "/api/auth/login",
    "/api/auth/refresh",
    "/api/boards",
    "/api/boards/{key}",
    "/api/boards/{key}/leaderboard",
    "/api/boards/{key}/leaderboard.csv",
    "/api/boards/{key}/history",
    "/api/leaderboard",
    "/api/leaderboard/search",
    "/api/leaderboard/history",
    "/api/displays/pairing",
    "/api/displays/token",
    "/api/health",
    "/api/health/live",
}


@pytest.fixture(scope="module")
def document(api: Api) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


def operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"][path][method.lower()]
    return found


@pytest.mark.parametrize("prefix", PREFIXES)
def test_health_shows_each_check(api: Api, prefix: str) -> None:
    reply = api.get(f"{prefix}/health")
    assert reply.status_code == 200
    health = reply.json()
    assert set(health) == {"status", "redis", "database", "background", "uptime", "timestamp"}
    assert (health["status"], health["redis"], health["database"]) == ("healthy", "ok", "ok")
    assert isinstance(health["uptime"], int)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]{8,12}Z", health["timestamp"])


@pytest.mark.parametrize("prefix", PREFIXES)
def test_the_published_keys_verify_our_tokens(api: Api, player: Player, prefix: str) -> None:
    keys = jwt.PyJWKSet.from_dict(api.get(f"{prefix}/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(player.access_token)
    assert header["alg"] == "RS256"
    claims = jwt.decode(
        player.access_token,
        keys[header["kid"]],
        algorithms=["RS256"],
        audience="live-scoreboard",
        issuer="live-scoreboard",
    )
    assert claims["sub"] == player.user_id


def test_no_private_part_of_a_key_is_published(api: Api) -> None:
    for key in api.get("/.well-known/jwks.json").json()["keys"]:
        assert set(key) == {"kty", "n", "e", "kid", "alg", "use"}


def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.")


def test_the_document_lists_every_call_under_api_and_nothing_else(
    document: dict[str, Any],
) -> None:
    listed = {
        (method.upper(), path)
        for path, methods in document["paths"].items()
        for method in methods
        if method != "parameters" and not path.startswith("/api/admin/")
    }
    assert listed == OPERATIONS
    assert all(path.startswith("/api/") for path in document["paths"])


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_the_document_says_which_calls_need_an_access_token(
    document: dict[str, Any], method: str, path: str
) -> None:
    wanted: list[dict[str, list[str]]] | None
    scheme_name = "serviceKey" if "/service/" in path else "accessToken"
    wanted = None if path in OPEN_TO_ALL else [{scheme_name: []}]
    assert operation(document, method, path).get("security") == wanted
    scheme = document["components"]["securitySchemes"]["accessToken"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")


def test_the_document_describes_service_keys(document: dict[str, Any]) -> None:
    scheme = document["components"]["securitySchemes"]["serviceKey"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    assert scheme["bearerFormat"] == "sk_<id>_<secret>"


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("POST", "/api/auth/register", {201, 400, 409, 413, 415, 429, 500, 503}),
        ("POST", "/api/auth/login", {200, 400, 401, 403, 413, 415, 429, 500, 503}),
        ("POST", "/api/auth/refresh", {200, 400, 401, 403, 413, 415, 500, 503}),
        ("POST", "/api/auth/logout", {204, 401, 403, 500, 503}),
        ("POST", "/api/auth/password", {200, 400, 401, 403, 413, 415, 429, 500, 503}),
        ("GET", "/api/users/me", {200, 401, 403, 500, 503}),
        ("POST", "/api/service/scores", {200, 400, 401, 413, 415, 429, 500, 503}),
        ("GET", "/api/boards", {200, 400, 429, 500, 503}),
        ("GET", "/api/boards/{key}", {200, 404, 429, 500, 503}),
        ("GET", "/api/boards/{key}/leaderboard", {200, 400, 404, 429, 500, 503}),
        ("POST", "/api/actions/token", {200, 400, 401, 403, 404, 409, 413, 415, 429, 500, 503}),
        ("POST", "/api/scores/increment", {200, 400, 401, 403, 409, 413, 415, 429, 500, 503}),
        ("GET", "/api/leaderboard", {200, 400, 429, 500, 503}),
        ("GET", "/api/leaderboard/around-me", {200, 400, 401, 403, 500, 503}),
        ("GET", "/api/leaderboard/history", {200, 400, 429, 500, 503}),
        ("POST", "/api/displays/pairing", {201, 429, 500, 503}),
        ("POST", "/api/displays/token", {200, 400, 413, 415, 429, 500, 503}),
        ("GET", "/api/health", {200, 500, 503}),
    ],
)
def test_the_document_lists_the_statuses_of_each_call(
    document: dict[str, Any], method: str, path: str, statuses: set[int]
) -> None:
    responses = operation(document, method, path)["responses"]
    assert {int(status) for status in responses if status != "default"} == statuses
    error = {"$ref": "#/components/schemas/Error"}
    for status in statuses - {200, 201, 204} - ({503} if path == "/api/health" else set()):
        response = responses[str(status)]
        assert error in response["content"]["application/json"]["schema"]["allOf"]


def test_patterns_of_the_document_are_anchored_and_portable(document: dict[str, Any]) -> None:
    register = document["components"]["schemas"]["Register"]["properties"]
    # \Z exists only in Python.
    assert register["username"]["pattern"] == "^[A-Za-z0-9_.-]{3,32}$"


def test_the_document_is_the_same_under_both_paths(api: Api) -> None:
    assert api.get("/openapi.json").content == api.get("/api/openapi.json").content


@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_every_call_is_refused_equally_with_and_without_the_prefix(
    api: Api, method: str, path: str
) -> None:
    # No call accepts this body. Public calls without a body ignore it and reply 200.
    body = None if method == "GET" else {"unknown": 1}
    path = path.replace("{key}", "main")
    with_prefix = api.call(method, path, json=body)
    without = api.call(method, path.removeprefix("/api"), json=body)
    assert with_prefix.status_code == without.status_code != 404
    assert with_prefix.headers["Content-Type"] == without.headers["Content-Type"]
    if path.endswith(".csv"):
        assert with_prefix.text.splitlines()[0] == without.text.splitlines()[0]
        return
    assert set(with_prefix.json()) == set(without.json())
    if not with_prefix.ok:
        assert but_request_id(with_prefix) == but_request_id(without)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_all_calls_work_with_and_without_the_prefix(api: Api, prefix: str) -> None:
    def post(path: str, body: Any = None, token: str | None = None) -> Any:
        reply = api.post(f"{prefix}{path}", body, token=token)
        assert reply.ok, reply.text
        return reply.json() if reply.content else None

    name = f"walker{prefix.replace('/', '_')}"
    account = {"username": name, "password": PASSWORD}
    post("/auth/register", account)
    pair = post("/auth/refresh", {"refreshToken": post("/auth/login", account)["refreshToken"]})
    access = pair["accessToken"]
    action = post("/actions/token", token=access)["actionToken"]
    increment = post("/scores/increment", {"actionToken": action}, access)
    assert increment["newScore"] == 1
    assert api.get(f"{prefix}/users/me", token=access).json()["score"] == 1
    around = api.get(f"{prefix}/leaderboard/around-me", token=access).json()
    assert name in [row["username"] for row in around["leaderboard"]]
    board = api.get(f"{prefix}/leaderboard?minVersion={increment['boardVersion']}")
    assert board.json()["leaderboard"]
    passwords = {"oldPassword": PASSWORD, "newPassword": "a new horse battery"}
    access = post("/auth/password", passwords, access)["accessToken"]
    post("/auth/logout", token=access)
    refused(api.get(f"{prefix}/users/me", token=access), 401, "SESSION_REVOKED")
