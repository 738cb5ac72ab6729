"""The pool of a request is found by its first bytes."""

from __future__ import annotations

import pytest
from flask import Flask

from app.factory import create_app
from app.http.request_pool import declared_pools, served_by
from app.server.route_table import RouteTable
from tests.support.services import Services

SCORING = ("POST /scores/increment", "POST /actions/token")
PASSWORDS = ("POST /auth/register", "POST /auth/login", "POST /auth/password")
HEALTH = ("GET /health", "HEAD /health", "GET /health/live", "HEAD /health/live")


@pytest.fixture
def routes(shared_services: Services) -> RouteTable[str]:
    """The pools of the app's own routes."""
    return RouteTable(declared_pools(create_app(shared_services)))


def start_of(route: str, ending: bytes = b" HTTP/1.1\r\nHost: a\r\n\r\n") -> bytes:
    return route.encode() + ending


@pytest.mark.parametrize("prefix", ["", "/api"])
def test_increments_tokens_passwords_and_health_checks_are_in_their_pools(
    shared_services: Services, prefix: str
) -> None:
    def prefixed(route: str) -> bytes:
        method, path = route.split(" ")
        return f"{method} {prefix}{path}".encode()

    found = declared_pools(create_app(shared_services))
    here = {route: pool for route, pool in found.items() if (b" /api/" in route) == bool(prefix)}
    expected = {prefixed(route): "scoring" for route in SCORING}
    expected |= {prefixed(route): "passwords" for route in PASSWORDS}
    expected |= {prefixed(route): "health" for route in HEALTH}
    assert here == expected


@pytest.mark.parametrize("ending", [b" HTTP/1.1\r\n", b"?x=1 HTTP/1.1\r\n", b" "])
def test_a_request_is_found_by_its_method_and_path(routes: RouteTable[str], ending: bytes) -> None:
    assert routes.find(start_of("POST /api/scores/increment", ending)) == "scoring"
    assert routes.find(start_of("POST /actions/token", ending)) == "scoring"
    assert routes.find(start_of("HEAD /api/health", ending)) == "health"
    assert routes.find(start_of("GET /health/live", ending)) == "health"


@pytest.mark.parametrize(
    "route",
    [
        "GET /api/scores/increment",
        "POST /api/scores/increments",
        "POST /api/scores/increment/",
        "POST  /api/scores/increment",
        "OPTIONS /api/health",
        "GET /healthy",
        "GET /api/leaderboard",
        "GET /" + 10_000 * "x",
        "",
    ],
)
def test_other_requests_are_for_the_ordinary_threads(routes: RouteTable[str], route: str) -> None:
    assert routes.find(start_of(route)) is None


@pytest.mark.parametrize("start", [b"", b" ", b"\r\n\r\n", b"\xff" * 5000, b"POST", b"?" * 99])
def test_bytes_that_are_no_request_are_for_the_ordinary_threads(
    routes: RouteTable[str], start: bytes
) -> None:
    assert routes.find(start) is None


def test_without_declared_routes_every_request_is_for_the_ordinary_threads() -> None:
    assert RouteTable(declared_pools(Flask(__name__))).find(start_of("GET /")) is None


def test_a_route_with_variables_can_not_be_in_a_pool() -> None:
    app = Flask(__name__)
    app.get("/users/<name>")(served_by("scoring")(lambda name: name))
    with pytest.raises(ValueError, match="variables"):
        declared_pools(app)
