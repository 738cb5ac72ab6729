"""A thousand simultaneous requests to two API processes pass no limit and count no point twice."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from app.scoring.action_tokens import ActionToken, ActionTokenCodec
from app.server.request_pools import WAITING_PASSWORDS
from tests.security.floods import (
    INCREMENTS,
    REGISTRATIONS,
    SIMULTANEOUS,
    TOKENS,
    WINDOW_SECONDS,
    new_address,
    new_home,
    register,
    send_simultaneously,
)
from tests.support.environment import base_environment
from tests.support.servers import empty
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.slow

THOUSAND = 1000
REPEATS = 20
"""How often used tokens of a player are answered within 10 s."""


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    """A session that keeps its connections open, so that most requests need no TCP handshake."""
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(pool_maxsize=SIMULTANEOUS))
        yield session


@pytest.fixture
def player(limited_system: SystemHarness) -> Player:
    """A player with an address of its own."""
    return new_home(limited_system.url).player


def signed(player: Player) -> str:
    """A token as the servers would issue it now, but without their limit on tokens."""
    codec = ActionTokenCodec(base_environment()["ACTION_TOKEN_SECRET"].encode())
    now = int(time.time() * 1000)
    return codec.encode(ActionToken(player.user_id, now, codec.new_nonce()))


def sender(player: Player, limited_system: SystemHarness, http: requests.Session, path: str) -> Any:
    """A function that posts to the path: even numbers to one API process, odd ones to the other."""
    headers = {"Authorization": f"Bearer {player.access_token}"}

    def call(number: int, body: Any = None) -> requests.Response:
        url = limited_system.urls[number % 2]
        return http.post(f"{url}/api{path}", json=body, headers=headers, timeout=60)

    return call


def check_repeats(replies: list[requests.Response], first_score: int) -> None:
    """All replies but the first: the first result, or a refusal that says when to repeat."""
    for reply in replies:
        if reply.status_code == 400:
            assert reply.json()["code"] == "TOKEN_USED"
            assert reply.json()["details"]["newScore"] == first_score
        elif not reply.ok:
            assert reply.json()["code"] == "RATE_LIMITED"
            assert 1 <= int(reply.headers["Retry-After"]) <= 10


def test_a_token_that_is_sent_a_thousand_times_at_once_is_one_point(
    limited_system: SystemHarness, http: requests.Session, player: Player
) -> None:
    token = player.ask_token()
    spend = sender(player, limited_system, http, "/scores/increment")
    body = {"actionToken": token}
    found, replies = send_simultaneously(lambda number: spend(number, body), THOUSAND)
    assert found.pop(200) == 1
    (counted,) = [reply.json() for reply in replies if reply.ok]
    assert found[400] >= REPEATS
    assert found == {400: found[400], 429: THOUSAND - 1 - found[400]}
    check_repeats(replies, counted["newScore"])
    empty(limited_system.stores.redis_url)
    found, replies = send_simultaneously(lambda number: spend(number, body), 100)
    assert found[400] >= REPEATS
    check_repeats(replies, counted["newScore"])
    assert player.call("GET", "/users/me").json()["score"] == 1


def test_a_thousand_simultaneous_requests_get_no_more_tokens_than_the_limit(
    limited_system: SystemHarness, http: requests.Session, player: Player
) -> None:
    begun = time.monotonic()
    ask = sender(player, limited_system, http, "/actions/token")
    found, replies = send_simultaneously(ask, THOUSAND)
    assert time.monotonic() - begun < 55, "the limit's window ended during the test"
    assert found == {200: TOKENS, 429: THOUSAND - TOKENS}
    assert all("Retry-After" in reply.headers for reply in replies if not reply.ok)


def test_no_window_counts_more_increments_than_the_limit_wherever_it_begins(
    limited_system: SystemHarness, http: requests.Session, player: Player
) -> None:
    spend = sender(player, limited_system, http, "/scores/increment")
    ends = time.monotonic() + 3.2 * WINDOW_SECONDS
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
    # Requests that were sent and answered within the window's time are certainly in the window.
    for begun, _ in counted:
        within = [1 for sent, heard in counted if begun <= sent and heard < begun + WINDOW_SECONDS]
        assert len(within) <= INCREMENTS
    assert len(counted) > INCREMENTS, "the window never ended"


def test_simultaneous_registrations_from_one_address_create_no_more_accounts_than_the_limit(
    limited_system: SystemHarness, http: requests.Session
) -> None:
    address = new_address()
    name = secrets.token_hex(4)
    urls = cycle(limited_system.urls)

    def send(number: int) -> requests.Response:
        # The client writes another address in front, but only the proxy's own entry counts.
        claimed = f"198.51.100.{number % 250}, {address}"
        return register(next(urls), claimed, f"flood_{name}_{number}")

    found, _ = send_simultaneously(send, 300)
    expect_admitted_registrations(found, 300)


def test_an_ipv6_network_counts_as_one_address(limited_system: SystemHarness) -> None:
    network = f"2001:db8:{secrets.randbelow(65535):x}:1"
    found, _ = send_simultaneously(
        lambda number: register(
            limited_system.url, f"{network}::{number:x}:1", f"six_{secrets.token_hex(6)}"
        ),
        60,
    )
    expect_admitted_registrations(found, 60)


def expect_admitted_registrations(found: Counter[int], number: int) -> None:
    """Of `number` simultaneous registrations the limit has admitted REGISTRATIONS."""
    # A slow machine refuses some of these as SERVER_BUSY, because too many wait for their hash.
    assert found[201] >= WAITING_PASSWORDS
    assert found[201] + found[503] == REGISTRATIONS
    assert found[429] == number - REGISTRATIONS
