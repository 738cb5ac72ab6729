"""Wrong passwords are limited by account, address and network, and never lock the owner out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.accounts.login_attempts import NETWORK_FACTOR, UNKNOWN_ADDRESSES_FACTOR
from app.contract import keys
from app.contract.errors import InvalidCredentials, RateLimited, RedisUnavailable
from app.network.addresses import network_of
from tests.app.fraud.clock import SettableClock, settable_clock
from tests.support.players import PASSWORD
from tests.support.services import Services

pytestmark = pytest.mark.slow

LIMIT = 4
HOME = "198.51.100.7"


@pytest.fixture
def services(make_services: Callable[..., Services]) -> Services:
    """Services with an account that was registered from HOME and never logged in."""
    made = make_services(LOGIN_FAILURE_LIMIT=f"{LIMIT} per 15 minutes")
    made.accounts.register("ada", PASSWORD, "Ada", HOME)
    return made


def fail_once(services: Services, address: str, username: str = "ada") -> bool:
    """Try a wrong password; returns whether it was compared."""
    try:
        services.accounts.log_in(username, "a guess", address)
    except InvalidCredentials:
        return True
    except RateLimited as limited:
        assert 0 < limited.rate_limit.retry_after <= 900
        return False
    raise AssertionError("logged in")


def test_strangers_never_lock_a_registered_address_out(services: Services) -> None:
    for number in range(3 * LIMIT * UNKNOWN_ADDRESSES_FACTOR):
        fail_once(services, f"203.0.113.{number}")
    for number in range(200):
        fail_once(services, f"198.51.100.{number + 8}")
    assert not fail_once(services, "198.51.100.8")
    assert fail_once(services, HOME)
    services.accounts.log_in("ada", PASSWORD, HOME)


@pytest.mark.parametrize("address", ["2001:db8:7:{:x}::1", "192.0.2.{}"])
def test_all_addresses_of_a_network_together_are_limited(services: Services, address: str) -> None:
    addresses = [network_of(address.format(number)) for number in range(250)]
    guesses = sum(fail_once(services, each) for each in addresses)
    assert guesses == LIMIT * NETWORK_FACTOR
    with pytest.raises(RateLimited):
        services.accounts.log_in("ada", PASSWORD, addresses[-1])
    # The owner at a new address of another network has one attempt, also with a wrong password.
    assert fail_once(services, "2001:db8:8::/64")
    services.accounts.log_in("ada", PASSWORD, "2001:db8:9::/64")


def test_successes_are_not_counted_for_the_network(services: Services) -> None:
    for number in range(2 * LIMIT * NETWORK_FACTOR):
        services.accounts.log_in("ada", PASSWORD, f"192.0.2.{number}")


def test_the_failures_of_many_players_behind_one_address_lock_none_of_them_out(
    services: Services,
) -> None:
    school = "192.0.2.1"
    pupils = [f"pupil_{number}" for number in range(30)]
    for pupil in pupils:
        services.accounts.register(pupil, PASSWORD, pupil, "203.0.113.1")
    for pupil in pupils:
        for _ in range(LIMIT - 1):
            assert fail_once(services, school, pupil)
        services.accounts.log_in(pupil, PASSWORD, school)


def test_failures_from_before_redis_clock_was_set_back_are_not_counted(
    make_services: Callable[..., Services],
) -> None:
    with settable_clock():
        services = make_services(LOGIN_FAILURE_LIMIT=f"{LIMIT} per 15 minutes")
    clock = SettableClock(services.redis)
    services.accounts.register("ada", PASSWORD, "Ada", HOME)
    for address in (HOME, *(f"192.0.2.{number}" for number in range(LIMIT * NETWORK_FACTOR))):
        for _ in range(LIMIT):
            fail_once(services, address)
    for address in (HOME, "192.0.2.100"):
        assert not fail_once(services, address)
    clock.advance(-3_600_000)
    for _ in range(LIMIT):
        for address in (HOME, "192.0.2.100"):
            assert fail_once(services, address)
        clock.advance(1)
    assert not fail_once(services, HOME)


def test_a_registration_whose_address_can_not_be_stored_succeeds(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RedisUnavailable

    monkeypatch.setattr("app.accounts.login_attempts.LoginAttempts.succeed", fail)
    assert services.accounts.register("ben", PASSWORD, "Ben", HOME).user.username == "ben"


def test_the_counts_of_failures_expire(services: Services) -> None:
    fail_once(services, "192.0.2.9")
    for key in services.redis.scan_iter("login:*"):
        if not key.endswith(":known"):
            assert 0 < services.redis.pttl(key) <= 900_000, key
    assert services.redis.exists(keys.network_failures(account_of(services), "192.0.2.0/24"))


def account_of(services: Services) -> str:
    """The account's part of the names of its keys."""
    (key,) = services.redis.scan_iter("login:*:from:192.0.2.9")
    return str(key).split("{")[1].split("}")[0]
