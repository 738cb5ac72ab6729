"""Limits in headers and refusals, by user and by address, and whose word on the address counts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from app.composition import Services
from app.factory import create_app
from tests.app.http.asking import Api, refused
from tests.app.http.web_alone import WebAlone
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.player import Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow

AUTH, READ, TOKEN, INCREMENT = 4, 5, 6, 3
LIMITS = {
    "AUTH_LIMIT": f"{AUTH} per minute",
    "READ_LIMIT": f"{READ} per hour",
    "TOKEN_LIMIT": f"{TOKEN} per minute",
    "INCREMENT_LIMIT": f"{INCREMENT} per minute",
}
NOBODY = {"username": "nobody", "password": "not a password"}


class _From(HTTPAdapter):
    """Connects from that address of the loopback network."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **options)


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """An API with limits that are soon reached."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        with WebAlone(stores, tmp_path_factory.mktemp("logs"), variables=LIMITS) as running:
            yield running


@pytest.fixture(scope="module")
def addresses() -> Iterator[int]:
    """Last octets that no client had before."""
    return iter(range(1, 255))


@pytest.fixture
def strangers(system: RunningSystem, addresses: Iterator[int]) -> Callable[[], Api]:
    """Makes clients, each at an address that no other test has."""

    def make() -> Api:
        http = requests.Session()
        http.mount("http://", _From(f"127.0.1.{next(addresses)}"))
        return Api(system.url, http)

    return make


def registered(api: Api) -> Player:
    """A player at the client's own address."""
    body = {"username": f"p_{secrets.token_hex(6)}", "password": "a good password"}
    made = api.post("/api/auth/register", body).json()
    access, refresh = made["accessToken"], made["refreshToken"]
    return Player(api.url, body["username"], made["userId"], access, refresh, api.http)


def allowance(reply: requests.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset of the reply."""
    names = ("Limit", "Remaining", "Reset")
    limit, remaining, reset = (int(reply.headers[f"X-RateLimit-{name}"]) for name in names)
    return limit, remaining, reset


def limited(reply: requests.Response, limit: int, seconds: int = 60) -> None:
    """The reply is a refusal by a limit of so many in so many seconds, with all that says so."""
    refused(reply, 429, "RATE_LIMITED")
    amount, remaining, reset = allowance(reply)
    assert (amount, remaining) == (limit, 0)
    assert 1 <= int(reply.headers["Retry-After"]) <= seconds + 1
    assert time.time() - 2 <= reset <= time.time() + seconds + 2


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
def test_login_and_register_share_a_budget_over_both_prefixes(
    strangers: Callable[[], Api], path: str
) -> None:
    api = strangers()
    for used in range(1, AUTH + 1):
        reply = api.post(f"{'/api' if used % 2 else ''}{path}", {"nonsense": 1})
        refused(reply, 400, "VALIDATION_ERROR", {"nonsense", "username", "password"})
        assert allowance(reply)[:2] == (AUTH, AUTH - used)
    for prefix in ("/api", ""):
        limited(api.post(f"{prefix}{path}", NOBODY), AUTH)


def test_login_and_register_are_counted_apart_and_other_addresses_not_at_all(
    strangers: Callable[[], Api],
) -> None:
    api, other = strangers(), strangers()
    for _ in range(AUTH):
        api.post("/api/auth/login", NOBODY)
    limited(api.post("/api/auth/login", NOBODY), AUTH)
    registered(api)
    refused(other.post("/api/auth/login", NOBODY), 401, "INVALID_CREDENTIALS")


def test_nobody_gets_past_the_limit_by_forwarding_headers(strangers: Callable[[], Api]) -> None:
    api = strangers()
    for number in range(AUTH + 2):
        address = f"203.0.113.{number}"
        forwarded = {
            "X-Forwarded-For": address,
            "X-Real-IP": address,
            "Forwarded": f"for={address}",
            "True-Client-IP": address,
        }
        reply = api.post("/api/auth/login", NOBODY, headers=forwarded)
    limited(reply, AUTH)


def test_public_reads_are_limited_over_both_prefixes(strangers: Callable[[], Api]) -> None:
    api = strangers()
    for used in range(1, READ + 1):
        reply = api.get(f"{'/api' if used % 2 else ''}/leaderboard")
        assert reply.status_code == 200
        assert allowance(reply)[:2] == (READ, READ - used)
        assert "Retry-After" not in reply.headers
    limited(api.get("/api/leaderboard"), READ, seconds=3600)
    limited(api.get("/leaderboard"), READ, seconds=3600)


def test_tokens_are_limited_by_user(strangers: Callable[[], Api]) -> None:
    api = strangers()
    player, other = registered(api), registered(api)
    for used in range(1, TOKEN + 1):
        reply = player.call("POST", "/actions/token")
        assert reply.status_code == 200
        assert allowance(reply)[:2] == (TOKEN, TOKEN - used)
    limited(player.call("POST", "/actions/token"), TOKEN)
    assert other.call("POST", "/actions/token").status_code == 200


def test_increments_are_limited_by_user_and_a_refused_one_counts_nothing(
    strangers: Callable[[], Api],
) -> None:
    player = registered(strangers())
    tokens = [player.ask_token() for _ in range(INCREMENT + 1)]
    for used, token in enumerate(tokens[:INCREMENT], 1):
        reply = player.spend(token)
        assert reply.status_code == 200
        assert allowance(reply)[:2] == (INCREMENT, INCREMENT - used)
    limited(player.spend(tokens[-1]), INCREMENT)
    assert player.call("GET", "/users/me").json()["score"] == INCREMENT
    # A lost answer can be asked for again even now.
    refused(player.spend(tokens[0]), 400, "TOKEN_USED", {"newScore", "newRank", "boardVersion"})


def test_where_no_limit_holds_no_header_tells_of_one(strangers: Callable[[], Api]) -> None:
    api = strangers()
    player = registered(api)
    replies = [api.get("/api/health"), api.get("/nowhere"), player.call("GET", "/users/me")]
    for reply in replies:
        assert not [name for name in reply.headers if name.lower().startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("hops", "forwarded", "counted_as"),
    [
        (0, "203.0.113.1", "198.51.100.9"),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "192.0.2.66, 203.0.113.1", "203.0.113.1"),
        (1, None, "198.51.100.9"),
        (2, "203.0.113.1, 192.0.2.1", "203.0.113.1"),
        (2, "192.0.2.66, 203.0.113.1, 192.0.2.1", "203.0.113.1"),
    ],
)
def test_the_address_is_what_the_last_trusted_proxy_says(
    make_services: Callable[..., Services], hops: int, forwarded: str | None, counted_as: str
) -> None:
    services = make_services(TRUSTED_PROXY_HOPS=str(hops), AUTH_LIMIT="1 per minute")
    client = create_app(services).test_client()

    def log_in(peer: str, forwarded: str | None) -> int:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return client.post(
            "/api/auth/login", json=NOBODY, headers=headers, environ_base={"REMOTE_ADDR": peer}
        ).status_code

    assert log_in("198.51.100.9", forwarded) == 401
    assert log_in("198.51.100.9", forwarded) == 429
    # Whoever truly comes from the counted address finds its budget spent; from the peer's, not.
    chain = {0: None, 1: counted_as, 2: f"{counted_as}, 192.0.2.77"}[hops]
    peer = counted_as if hops == 0 or forwarded is None else "198.51.100.10"
    assert log_in(peer, None if forwarded is None else chain) == 429
    assert log_in("198.51.100.11", None) == 401
