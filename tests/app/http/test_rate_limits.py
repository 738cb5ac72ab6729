"""Rate limits by user and by address, and their headers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.support.api_harness import ApiHarness
from tests.support.api_requests import Api, refused
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.slow

AUTH, READ, TOKEN, INCREMENT = 4, 5, 6, 3
LIMITS = {
    "AUTH_LIMIT": f"{AUTH} per minute",
    "READ_LIMIT": f"{READ} per hour",
    "TOKEN_LIMIT": f"{TOKEN} per minute",
    "INCREMENT_LIMIT": f"{INCREMENT} per minute",
}
UNKNOWN_USER = {"username": "unregistered", "password": "not a password"}


class _SourceAddress(HTTPAdapter):
    """Connects from this address of the loopback network."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API with low limits."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with ApiHarness(stores, tmp_path_factory.mktemp("logs"), variables=LIMITS) as running:
            yield running


@pytest.fixture(scope="module")
def addresses() -> Iterator[int]:
    """Last octets that no client has used."""
    return iter(range(1, 255))


@pytest.fixture
def new_client(system: SystemHarness, addresses: Iterator[int]) -> Callable[[], Api]:
    """Makes clients, each with an unused address."""

    def make() -> Api:
        http = requests.Session()
        http.mount("http://", _SourceAddress(f"127.0.1.{next(addresses)}"))
        return Api(system.url, http)

    return make


def registered(api: Api) -> Player:
    """Register a player from the client's address."""
    body = {"username": f"p_{secrets.token_hex(6)}", "password": "a good password"}
    made = api.post("/api/auth/register", body).json()
    access, refresh = made["accessToken"], made["refreshToken"]
    return Player(api.url, body["username"], made["userId"], access, refresh, api.http)


def rate_limit(reply: requests.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset of the reply."""
    names = ("Limit", "Remaining", "Reset")
    limit, remaining, reset = (int(reply.headers[f"X-RateLimit-{name}"]) for name in names)
    return limit, remaining, reset


def limited(reply: requests.Response, limit: int, seconds: int = 60) -> None:
    """Assert a 429 of a limit of `limit` requests in `seconds`, with all its headers."""
    refused(reply, 429, "RATE_LIMITED")
    amount, remaining, reset = rate_limit(reply)
    assert (amount, remaining) == (limit, 0)
    assert 1 <= int(reply.headers["Retry-After"]) <= seconds + 1
    assert time.time() - 2 <= reset <= time.time() + seconds + 2


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
def test_login_and_register_have_one_limit_for_both_prefixes(
    new_client: Callable[[], Api], path: str
) -> None:
    api = new_client()
    for used in range(1, AUTH + 1):
        reply = api.post(f"{'/api' if used % 2 else ''}{path}", {"nonsense": 1})
        refused(reply, 400, "VALIDATION_ERROR", {"nonsense", "username", "password"})
        assert rate_limit(reply)[:2] == (AUTH, AUTH - used)
    for prefix in ("/api", ""):
        limited(api.post(f"{prefix}{path}", UNKNOWN_USER), AUTH)


def test_login_and_register_and_each_address_have_separate_limits(
    new_client: Callable[[], Api],
) -> None:
    api, other = new_client(), new_client()
    for _ in range(AUTH):
        api.post("/api/auth/login", UNKNOWN_USER)
    limited(api.post("/api/auth/login", UNKNOWN_USER), AUTH)
    registered(api)
    refused(other.post("/api/auth/login", UNKNOWN_USER), 401, "INVALID_CREDENTIALS")


def test_forwarding_headers_do_not_evade_the_limit(new_client: Callable[[], Api]) -> None:
    api = new_client()
    for number in range(AUTH + 2):
        address = f"203.0.113.{number}"
        forwarded = {
            "X-Forwarded-For": address,
            "X-Real-IP": address,
            "Forwarded": f"for={address}",
            "True-Client-IP": address,
        }
        reply = api.post("/api/auth/login", UNKNOWN_USER, headers=forwarded)
    limited(reply, AUTH)


def test_public_reads_have_one_limit_for_both_prefixes(new_client: Callable[[], Api]) -> None:
    api = new_client()
    for used in range(1, READ + 1):
        reply = api.get(f"{'/api' if used % 2 else ''}/leaderboard")
        assert reply.status_code == 200
        assert rate_limit(reply)[:2] == (READ, READ - used)
        assert "Retry-After" not in reply.headers
    limited(api.get("/api/leaderboard"), READ, seconds=3600)
    limited(api.get("/leaderboard"), READ, seconds=3600)
    limited(api.get("/api/leaderboard/search?username=ada"), READ, seconds=3600)


def test_tokens_are_limited_by_user(new_client: Callable[[], Api]) -> None:
    api = new_client()
    player, other = registered(api), registered(api)
    for used in range(1, TOKEN + 1):
        reply = player.call("POST", "/actions/token")
        assert reply.status_code == 200
        assert rate_limit(reply)[:2] == (TOKEN, TOKEN - used)
    limited(player.call("POST", "/actions/token"), TOKEN)
    assert other.call("POST", "/actions/token").status_code == 200


def test_increments_are_limited_by_user_and_a_refused_one_gives_no_point(
    new_client: Callable[[], Api],
) -> None:
    player = registered(new_client())
    tokens = [player.ask_token() for _ in range(INCREMENT + 1)]
    for used, token in enumerate(tokens[:INCREMENT], 1):
        reply = player.spend(token)
        assert reply.status_code == 200
        assert rate_limit(reply)[:2] == (INCREMENT, INCREMENT - used)
    limited(player.spend(tokens[-1]), INCREMENT)
    assert player.call("GET", "/users/me").json()["score"] == INCREMENT
    # The request of a lost reply can be repeated in spite of the limit.
    refused(player.spend(tokens[0]), 400, "TOKEN_USED", {"newScore", "newRank", "boardVersion"})


def test_replies_without_a_limit_have_no_limit_headers(new_client: Callable[[], Api]) -> None:
    api = new_client()
    player = registered(api)
    replies = [api.get("/api/health"), api.get("/nowhere"), player.call("GET", "/users/me")]
    for reply in replies:
        assert not [name for name in reply.headers if name.lower().startswith("x-ratelimit")]
