"""A thousand requests at once over two API processes: no limit is passed, no point made twice."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from app.services.action_tokens import ActionToken, ActionTokenCodec
from tests.app.http.asking import Api, refused
from tests.app.http.web_alone import WebAlone
from tests.environment import base_environment
from tests.security.crowd import AT_ONCE, all_at_once, new_address
from tests.servers import DatabaseServer, Stores, empty, redis_server
from tests.system.player import PASSWORD, Player
from tests.system.running import RunningSystem

pytestmark = pytest.mark.slow

THOUSAND = 1000
TOKENS, INCREMENTS, REGISTRATIONS, FAILURES = 10, 5, 12, 4
EDGE_SECONDS = 2


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """Two API processes with the limits of every day, behind a proxy that they trust."""
    variables = {
        # A second limit with a short window, whose edges a test can wait for.
        "TOKEN_LIMIT": f"{TOKENS} per minute",
        "INCREMENT_LIMIT": f"{INCREMENTS} per {EDGE_SECONDS} seconds",
        "AUTH_LIMIT": f"{REGISTRATIONS} per minute",
        "LOGIN_FAILURE_LIMIT": f"{FAILURES} per 15 minutes",
        "TRUSTED_PROXY_HOPS": "1",
        "WEB_WORKERS": "1",
    }
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        logs = tmp_path_factory.mktemp("logs")
        with WebAlone(stores, logs, web_processes=2, variables=variables) as running:
            yield running


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    """A session that keeps its connections, so that a flood isn't one of handshakes."""
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(pool_maxsize=AT_ONCE))
        yield session


@pytest.fixture
def player(system: RunningSystem) -> Player:
    """A player at an address of their own."""
    return registered(system.url, new_address()).player


class Home:
    """Somebody's account and the address they registered at."""

    def __init__(self, player: Player, address: str) -> None:
        self.player, self.address = player, address


def registered(url: str, address: str) -> Home:
    username = f"p_{secrets.token_hex(6)}"
    reply = register(url, address, username)
    assert reply.status_code == 201, reply.text
    made = reply.json()
    player = Player(url, username, made["userId"], made["accessToken"], made["refreshToken"])
    return Home(player, address)


def register(url: str, address: str, username: str) -> requests.Response:
    body = {"username": username, "password": PASSWORD}
    return Api(url).post("/api/auth/register", body, headers={"X-Forwarded-For": address})


def log_in(url: str, username: str, password: str, address: str) -> requests.Response:
    body = {"username": username, "password": password}
    return Api(url).post("/api/auth/login", body, headers={"X-Forwarded-For": address})


def guess_from(url: str, username: str, address: str, number: int) -> requests.Response:
    return log_in(url, username, f"guess {number}", address)


def signed(player: Player) -> str:
    """A token as the servers make it now, beside their limit on tokens."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    now = int(time.time() * 1000)
    return codec.encode(ActionToken(player.user_id, now, codec.new_nonce()))


def issued_at(token: str) -> int:
    payload = token.partition(".")[0]
    text = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    return int(text.split(":")[1])


def calling(player: Player, system: RunningSystem, http: requests.Session, path: str) -> Any:
    """Sends the nth request of that path, at one process and then the other."""
    headers = {"Authorization": f"Bearer {player.access_token}"}

    def call(number: int, body: Any = None) -> requests.Response:
        url = system.urls[number % 2]
        return http.post(f"{url}/api{path}", json=body, headers=headers, timeout=60)

    return call


def test_a_token_replayed_a_thousand_times_at_once_is_one_point(
    system: RunningSystem, http: requests.Session, player: Player
) -> None:
    token = player.ask_token()
    spend = calling(player, system, http, "/scores/increment")
    body = {"actionToken": token}
    found, replies = all_at_once(lambda number: spend(number, body), THOUSAND)
    assert found == {200: 1, 400: THOUSAND - 1}
    (counted,) = [reply.json() for reply in replies if reply.ok]
    for reply in replies:
        assert reply.ok or reply.json()["code"] == "TOKEN_USED"
        assert reply.ok or reply.json()["details"]["newScore"] == counted["newScore"] == 1
    empty(system.stores.redis_url)
    found, replies = all_at_once(lambda number: spend(number, body), 100)
    assert found == {400: 100}
    assert {reply.json()["code"] for reply in replies} == {"TOKEN_USED"}
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_a_thousand_requests_for_tokens_at_once_get_no_more_than_the_limit(
    system: RunningSystem, http: requests.Session, player: Player
) -> None:
    begun = time.monotonic()
    ask = calling(player, system, http, "/actions/token")
    found, replies = all_at_once(ask, THOUSAND)
    assert time.monotonic() - begun < 55, "the window moved on meanwhile: nothing is shown"
    assert found == {200: TOKENS, 429: THOUSAND - TOKENS}
    assert all("Retry-After" in reply.headers for reply in replies if not reply.ok)


def test_in_no_window_wherever_it_begins_more_increments_are_counted(
    system: RunningSystem, http: requests.Session, player: Player
) -> None:
    spend = calling(player, system, http, "/scores/increment")
    ends = time.monotonic() + 3.2 * EDGE_SECONDS
    counted: list[tuple[float, float]] = []
    numbers = iter(range(10**9))
    lock = threading.Lock()

    def keep_spending() -> None:
        while time.monotonic() < ends:
            with lock:
                number = next(numbers)
            token, before = signed(player), time.monotonic()
            if spend(number, {"actionToken": token}).ok:
                counted.append((before, time.monotonic()))

    threads = [threading.Thread(target=keep_spending) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert player.call("GET", "/users/me").json()["score"] == len(counted)
    # Sure to be within one window are those that were all sent and answered in its time.
    for begun, _ in counted:
        within = [1 for sent, heard in counted if begun <= sent and heard < begun + EDGE_SECONDS]
        assert len(within) <= INCREMENTS
    assert len(counted) > INCREMENTS, "the window never moved"


def test_a_flood_of_registrations_from_one_address_makes_no_more_accounts_than_the_limit(
    system: RunningSystem, http: requests.Session
) -> None:
    address = new_address()
    name = secrets.token_hex(4)
    urls = cycle(system.urls)

    def send(number: int) -> requests.Response:
        # The same address in other words is the same address, and what the client claims is not
        # the proxy's word.
        claimed = f"198.51.100.{number % 250}, {address}"
        return register(next(urls), claimed, f"flood_{name}_{number}")

    found, _ = all_at_once(send, 300)
    assert found == {201: REGISTRATIONS, 429: 300 - REGISTRATIONS}


def test_a_whole_ipv6_network_is_one_address(system: RunningSystem) -> None:
    network = f"2001:db8:{secrets.randbelow(65535):x}:1"
    found, _ = all_at_once(
        lambda number: register(
            system.url, f"{network}::{number:x}:1", f"six_{secrets.token_hex(6)}"
        ),
        60,
    )
    assert found == {201: REGISTRATIONS, 429: 60 - REGISTRATIONS}


def test_guessing_from_one_address_is_slowed_and_the_owner_is_not(system: RunningSystem) -> None:
    home = registered(system.url, new_address())
    name = home.player.username
    # The owner has logged in from home before.
    assert log_in(system.url, name, PASSWORD, home.address).status_code == 200
    guesser = new_address()
    found, replies = all_at_once(
        lambda number: log_in(system.urls[number % 2], name, f"guess {number}", guesser),
        REGISTRATIONS,
    )
    assert found == {401: FAILURES, 429: REGISTRATIONS - FAILURES}
    limited = next(reply for reply in replies if reply.status_code == 429)
    refused(limited, 429, "RATE_LIMITED")
    assert 60 < int(limited.headers["Retry-After"]) <= 900
    # Not even the right password helps the guesser, who so learns nothing from it.
    assert log_in(system.url, name, PASSWORD, guesser).status_code == 429
    for _ in range(3):
        assert log_in(system.url, name, PASSWORD, home.address).status_code == 200


def test_a_botnet_is_slowed_by_account_and_locks_the_owner_out_nowhere(
    system: RunningSystem,
) -> None:
    home = registered(system.url, new_address())
    name = home.player.username
    assert log_in(system.url, name, PASSWORD, home.address).status_code == 200
    bots = [new_address() for _ in range(30)]
    guesses = 0
    for bot in bots:
        guess = partial(guess_from, system.url, name, bot)
        found, _ = all_at_once(guess, 6)
        assert set(found) <= {401, 429}
        guesses += found[401]
    # Three addresses' worth of guesses, and from then on one an address.
    assert guesses == 3 * FAILURES + (len(bots) - 3)
    # At home, where one may mistype, and at a place that is new, if not.
    assert log_in(system.url, name, "mistyped", home.address).status_code == 401
    assert log_in(system.url, name, PASSWORD, home.address).status_code == 200
    abroad = new_address()
    assert log_in(system.url, name, PASSWORD, abroad).status_code == 200
    assert log_in(system.url, name, "mistyped", abroad).status_code == 401
    assert log_in(system.url, name, PASSWORD, abroad).status_code == 200


def test_guessing_at_a_name_that_nobody_has_is_slowed_the_same(system: RunningSystem) -> None:
    guesser, name = new_address(), f"nobody_{secrets.token_hex(4)}"
    found = [
        log_in(system.url, spelling, "a guess", guesser).status_code
        for spelling in (name, name.upper(), name, name.title(), name, name.upper())
    ]
    assert found == [401] * FAILURES + [429, 429]


def test_a_stolen_access_token_is_no_way_to_guess_on(system: RunningSystem) -> None:
    player = registered(system.url, new_address()).player
    headers = {"X-Forwarded-For": new_address()}

    def guess(number: int) -> requests.Response:
        body = {"oldPassword": f"guess {number}", "newPassword": "the thief's own"}
        return player.call("POST", "/auth/password", json=body, headers=headers)

    found, _ = all_at_once(guess, 20)
    assert found == {401: FAILURES, 429: 20 - FAILURES}
    assert player.call("GET", "/users/me").status_code == 200
