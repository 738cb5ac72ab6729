"""Many simultaneous requests, from addresses that a trusted proxy reports."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count

import requests

from tests.support.api_requests import Api
from tests.support.system.player import PASSWORD, Player

SIMULTANEOUS = 64
"""More than the servers have threads, so the others wait in the queues."""
TOKENS, INCREMENTS, REGISTRATIONS, FAILURES = 10, 5, 12, 4
"""The limits of the system under test."""
WINDOW_SECONDS = 2
"""The window of the limit on increments: short, so that a test can wait for its end."""
LIMITS = {
    "TOKEN_LIMIT": f"{TOKENS} per minute",
    "INCREMENT_LIMIT": f"{INCREMENTS} per {WINDOW_SECONDS} seconds",
    "AUTH_LIMIT": f"{REGISTRATIONS} per minute",
    "LOGIN_FAILURE_LIMIT": f"{FAILURES} per 15 minutes",
    "TRUSTED_PROXY_HOPS": "1",
    "WEB_WORKERS": "1",
}

_numbers = count(1)


@dataclass(frozen=True)
class Home:
    """An account and the address from which it was registered."""

    player: Player
    address: str


def new_address() -> str:
    """An address of the network for documentation that no other test uses."""
    number = next(_numbers)
    return f"203.0.{number // 256}.{number % 256}"


def send_simultaneously(
    send: Callable[[int], requests.Response], number: int
) -> tuple[Counter[int], list[requests.Response]]:
    """Call `send` with 0, 1, ... in parallel; returns the count of each status and the replies."""
    with ThreadPoolExecutor(SIMULTANEOUS) as pool:
        replies = list(pool.map(send, range(number)))
    return statuses(replies), replies


def statuses(replies: Iterable[requests.Response]) -> Counter[int]:
    return Counter(reply.status_code for reply in replies)


def new_home(url: str) -> Home:
    """A new account, registered from an address of its own."""
    address, username = new_address(), f"p_{secrets.token_hex(6)}"
    reply = register(url, address, username)
    assert reply.status_code == 201, reply.text
    created = reply.json()
    player = Player(
        url, username, created["userId"], created["accessToken"], created["refreshToken"]
    )
    return Home(player, address)


def register(url: str, address: str, username: str) -> requests.Response:
    body = {"username": username, "password": PASSWORD}
    return Api(url).post("/api/auth/register", body, headers={"X-Forwarded-For": address})


def log_in(url: str, username: str, password: str, address: str) -> requests.Response:
    body = {"username": username, "password": password}
    return Api(url).post("/api/auth/login", body, headers={"X-Forwarded-For": address})
