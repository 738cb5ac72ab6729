"""Guessing passwords is limited by account and by address, and never locks the owner out."""

from __future__ import annotations

import secrets
from functools import partial

import pytest
import requests

from app.server.request_pools import WAITING_PASSWORDS
from tests.security.floods import (
    FAILURES,
    REGISTRATIONS,
    log_in,
    new_address,
    new_home,
    send_simultaneously,
)
from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import PASSWORD

pytestmark = pytest.mark.slow


def guess_from(url: str, username: str, address: str, number: int) -> requests.Response:
    return log_in(url, username, f"guess {number}", address)


def test_guesses_from_one_address_are_limited_and_the_owner_is_not(
    limited_system: SystemHarness,
) -> None:
    home = new_home(limited_system.url)
    name = home.player.username
    # The owner has logged in from this address before.
    assert log_in(limited_system.url, name, PASSWORD, home.address).status_code == 200
    guesser = new_address()
    found, replies = send_simultaneously(
        lambda number: log_in(limited_system.urls[number % 2], name, f"guess {number}", guesser),
        REGISTRATIONS,
    )
    assert found == {401: FAILURES, 429: REGISTRATIONS - FAILURES}
    limited = next(reply for reply in replies if reply.status_code == 429)
    refused(limited, 429, "RATE_LIMITED")
    assert 60 < int(limited.headers["Retry-After"]) <= 900
    # The right password is refused too, so the guesser can't tell it from a wrong one.
    assert log_in(limited_system.url, name, PASSWORD, guesser).status_code == 429
    for _ in range(3):
        assert log_in(limited_system.url, name, PASSWORD, home.address).status_code == 200


def test_guesses_from_many_addresses_are_limited_by_account_and_never_lock_the_owner_out(
    limited_system: SystemHarness,
) -> None:
    home = new_home(limited_system.url)
    name = home.player.username
    assert log_in(limited_system.url, name, PASSWORD, home.address).status_code == 200
    bots = [new_address() for _ in range(30)]
    guesses = 0
    for bot in bots:
        guess = partial(guess_from, limited_system.url, name, bot)
        found, _ = send_simultaneously(guess, 6)
        assert set(found) <= {401, 429}
        guesses += found[401]
    # As many guesses as three addresses have, and from then on one per address.
    assert guesses == 3 * FAILURES + (len(bots) - 3)
    # The owner may mistype at a known address. At a new address the right password is accepted.
    assert log_in(limited_system.url, name, "mistyped", home.address).status_code == 401
    assert log_in(limited_system.url, name, PASSWORD, home.address).status_code == 200
    abroad = new_address()
    assert log_in(limited_system.url, name, PASSWORD, abroad).status_code == 200
    assert log_in(limited_system.url, name, "mistyped", abroad).status_code == 401
    assert log_in(limited_system.url, name, PASSWORD, abroad).status_code == 200


def test_guesses_at_an_unknown_username_are_limited_in_the_same_way(
    limited_system: SystemHarness,
) -> None:
    guesser, name = new_address(), f"nobody_{secrets.token_hex(4)}"
    found = [
        log_in(limited_system.url, spelling, "a guess", guesser).status_code
        for spelling in (name, name.upper(), name, name.title(), name, name.upper())
    ]
    assert found == [401] * FAILURES + [429, 429]


def test_a_stolen_access_token_gives_no_further_guesses(limited_system: SystemHarness) -> None:
    player = new_home(limited_system.url).player
    headers = {"X-Forwarded-For": new_address(), "Authorization": f"Bearer {player.access_token}"}

    def guess(number: int) -> requests.Response:
        body = {"oldPassword": f"guess {number}", "newPassword": "the thief's own"}
        api = Api(limited_system.urls[number % 2])
        return api.post("/api/auth/password", body, headers=headers)

    # Each of the two processes gets WAITING_PASSWORDS guesses. It could refuse more as SERVER_BUSY,
    # before it counts them.
    guesses = 2 * WAITING_PASSWORDS
    found, _ = send_simultaneously(guess, guesses)
    assert found == {401: FAILURES, 429: guesses - FAILURES}
    assert player.call("GET", "/users/me").status_code == 200
