"""CORS: closed unless CORS_ORIGINS lists the origins that may call from a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.factory import create_app
from tests.support.services import Services

pytestmark = pytest.mark.slow

ORIGIN, OTHER = "https://quiz.example", "http://localhost:3000"
MakeServices = Callable[..., Services]
SHOWN = {
    "retry-after",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
}


@pytest.fixture
def client_for(make_services: MakeServices) -> Callable[..., FlaskClient]:
    def make(origins: str, **variables: str) -> FlaskClient:
        return create_app(make_services(CORS_ORIGINS=origins, **variables)).test_client()

    return make


def preflight(client: FlaskClient, path: str, method: str, origin: str = ORIGIN) -> TestResponse:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,x-request-id",
    }
    return client.options(path, headers=headers)


def words(reply: TestResponse, header: str) -> set[str]:
    return {word.strip().lower() for word in reply.headers[header].split(",")}


def cors_headers(reply: TestResponse) -> list[str]:
    return [name for name, _ in reply.headers if name.startswith("Access-Control-")]


def test_cors_is_closed_by_default(services: Services) -> None:
    client = create_app(services).test_client()
    for reply in (
        client.get("/api/leaderboard", headers={"Origin": ORIGIN}),
        preflight(client, "/api/auth/login", "POST"),
    ):
        assert cors_headers(reply) == []


def test_a_preflight_of_every_call_allows_the_configured_origins(
    client_for: Callable[..., FlaskClient],
) -> None:
    client = client_for(f"{ORIGIN}, {OTHER}")
    paths = client.get("/openapi.json").get_json()["paths"]
    for written, shared in paths.items():
        path = written.replace("{user_id}", "9058f3b5-329b-444d-a70e-d16ecd49bddd")
        for method in (method.upper() for method in shared if method != "parameters"):
            for each in (path, path.removeprefix("/api")):
                for origin in (ORIGIN, OTHER):
                    reply = preflight(client, each, method, origin)
                    assert reply.status_code == 200
                    assert reply.headers["Access-Control-Allow-Origin"] == origin
                    assert method.lower() in words(reply, "Access-Control-Allow-Methods")
                    assert words(reply, "Access-Control-Allow-Headers") == {
                        "authorization",
                        "content-type",
                        "x-request-id",
                    }
                    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_pages_can_read_replies_and_errors_with_their_headers(
    client_for: Callable[..., FlaskClient],
) -> None:
    client = client_for(ORIGIN, AUTH_LIMIT="1 per minute")
    login = {"username": "unregistered", "password": "correct horse"}
    from_page = {"Origin": ORIGIN}
    replies = {
        200: client.get("/api/leaderboard", headers=from_page),
        401: client.get("/api/users/me", headers=from_page),
        404: client.get("/api/nowhere", headers=from_page),
        405: client.put("/api/health", headers=from_page),
        400: client.post("/api/auth/refresh", json={}, headers=from_page),
        # The first login fails because of its password, the second because of the limit.
        -1: client.post("/api/auth/login", json=login, headers=from_page),
        429: client.post("/api/auth/login", json=login, headers=from_page),
    }
    for status, reply in replies.items():
        assert reply.status_code == (401 if status == -1 else status)
        assert reply.headers.getlist("Access-Control-Allow-Origin") == [ORIGIN]
        assert words(reply, "Access-Control-Expose-Headers") == SHOWN
        # Public reads are compressed if the client asks for it.
        encoding = {"accept-encoding"} if status == 200 else set()
        assert words(reply, "Vary") == {"origin"} | encoding


def test_pages_can_read_server_errors(client_for: Callable[..., FlaskClient]) -> None:
    client = client_for(ORIGIN, DATABASE_URL="postgresql://x:x@127.0.0.1:1/x")
    login = {"username": "unregistered", "password": "correct horse"}
    reply = client.post("/api/auth/login", json=login, headers={"Origin": ORIGIN})
    assert reply.status_code == 500
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize("allowed", ["https://[2001:db8::1]", "http://127.0.0.1", ORIGIN])
def test_an_allowed_origin_is_compared_character_by_character(
    client_for: Callable[..., FlaskClient], allowed: str
) -> None:
    client = client_for(allowed)

    def is_allowed(origin: str) -> bool:
        reply = client.get("/api/leaderboard", headers={"Origin": origin})
        return cors_headers(reply) != []

    assert is_allowed(allowed)
    for other in (
        # What the characters of the allowed origin mean in a regular expression.
        "https://2",
        "https://:",
        "http://127x0.0.1",
        "https://quizxexample",
        f"{allowed}.evil.example",
        f"{allowed}:443",
        f"{allowed}/",
        f"https://evil.example#{allowed}",
        allowed.upper(),
        allowed[:-1],
        allowed.replace("://", ":///"),
    ):
        assert not is_allowed(other), other


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://quiz.example.evil.example", "null", "https://quizxexample"],
)
def test_other_origins_get_no_cors_headers(
    client_for: Callable[..., FlaskClient], origin: str
) -> None:
    client = client_for(ORIGIN)
    for reply in (
        client.get("/api/leaderboard", headers={"Origin": origin}),
        preflight(client, "/api/auth/login", "POST", origin),
    ):
        assert cors_headers(reply) == []
        # Otherwise a cache would send this reply to pages that may read it.
        assert "origin" in words(reply, "Vary")


def test_a_request_without_origin_does_not_get_the_list(
    client_for: Callable[..., FlaskClient],
) -> None:
    reply = client_for(f"{ORIGIN},{OTHER}").get("/api/.well-known/jwks.json")
    assert cors_headers(reply) == []
    assert "origin" in words(reply, "Vary")


def test_a_star_allows_every_origin(client_for: Callable[..., FlaskClient]) -> None:
    client = client_for("*")
    for headers in ({"Origin": "https://anybody.example"}, {}):
        reply = client.get("/api/leaderboard", headers=headers)
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in reply.headers
