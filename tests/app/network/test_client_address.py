"""Which address a request counts for, with and without proxies in front."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.factory import create_app
from tests.support.services import Services

pytestmark = pytest.mark.slow

PEER = "198.51.100.9"
UNKNOWN_USER = {"username": "unregistered", "password": "not a password"}

LogIn = Callable[..., int]


@pytest.fixture
def log_in_behind(make_services: Callable[..., Services]) -> Callable[[int], LogIn]:
    """Makes an API behind this number of proxies that allows one login per address."""

    def make(hops: int) -> LogIn:
        services = make_services(TRUSTED_PROXY_HOPS=str(hops), AUTH_LIMIT="1 per minute")
        client = create_app(services).test_client()

        def log_in(forwarded: str | None, peer: str = PEER) -> int:
            headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
            return client.post(
                "/api/auth/login",
                json=UNKNOWN_USER,
                headers=headers,
                environ_base={"REMOTE_ADDR": peer},
            ).status_code

        return log_in

    return make


@pytest.mark.parametrize(
    ("hops", "forwarded", "counted_as"),
    [
        (0, "203.0.113.1", PEER),
        (1, "203.0.113.1", "203.0.113.1"),
        (1, "192.0.2.66, 203.0.113.1", "203.0.113.1"),
        (1, None, PEER),
        (2, "203.0.113.1, 192.0.2.1", "203.0.113.1"),
        (2, "192.0.2.66, 203.0.113.1, 192.0.2.1", "203.0.113.1"),
        (2, "192.0.2.66:80, 203.0.113.1:81 , 192.0.2.1:82", "203.0.113.1"),
        (2, "203.0.113.1,, 192.0.2.1,", "203.0.113.1"),
        # Fewer entries than proxies: the request came around one of them.
        (2, "203.0.113.1", PEER),
    ],
)
def test_the_address_is_the_one_stated_by_the_last_trusted_proxy(
    log_in_behind: Callable[[int], LogIn], hops: int, forwarded: str | None, counted_as: str
) -> None:
    log_in = log_in_behind(hops)
    assert log_in(forwarded) == 401
    assert log_in(forwarded) == 429
    # Requests from the counted address are now limited; those from the peer's address are not.
    if counted_as == PEER:
        assert log_in(None) == 429
    else:
        chain = {1: counted_as, 2: f"{counted_as}, 192.0.2.77"}[hops]
        assert log_in(chain, "198.51.100.10") == 429
    assert log_in(None, "198.51.100.11") == 401


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("203.0.113.7:49152", "203.0.113.7:49153"),
        ("[2001:db8::1]:49152", "[2001:db8::1]:49153"),
        ("2001:db8::1", "2001:db8::ffff:1:2:3"),
        ("fe80::1%eth0", "[fe80::1%eth1]:80"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ('"[2001:db8::1]:1"', "2001:db8::2"),
        # Neither has an address, so both count for the proxy that is connected.
        ("_hidden1", "_hidden2"),
        ("unknown", "203.0.113.999"),
        # What the client sends precedes what the proxy adds, here 203.0.113.7.
        ('"x, 203.0.113.7', '"[2001:db8::1], 203.0.113.7'),
        ("2001:db8::1%, 203.0.113.7", "[2001:db8::2], 203.0.113.7"),
        ("192.0.2.1\t, 203.0.113.7", ",,, 203.0.113.7:1"),
    ],
)
def test_one_client_has_one_limit_in_whatever_form_the_proxy_writes_its_address(
    log_in_behind: Callable[[int], LogIn], first: str, second: str
) -> None:
    log_in = log_in_behind(1)
    assert log_in(first) == 401
    assert log_in(second) == 429
    assert log_in("203.0.113.200:49152") == 401


def test_a_peer_counts_by_its_network_too(log_in_behind: Callable[[int], LogIn]) -> None:
    log_in = log_in_behind(0)
    for first, second in (
        ("2001:db8::1", "2001:db8::2"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        # A UNIX socket has no address.
        ("", ""),
    ):
        assert log_in(None, first) == 401
        assert log_in(None, second) == 429
