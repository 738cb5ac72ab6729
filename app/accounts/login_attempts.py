"""Counts password attempts by account and address, so that guessing is slow.

docs/decisions/0016-security.md says why a guesser cannot lock the owner out.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass

import redis
from limits import RateLimitItem

from app.accounts.rules import username_key
from app.contract import keys
from app.contract.limits import RateLimitStatus
from app.network.addresses import wide_network_of
from app.storage.lua_script import read_script
from app.storage.redis import redis_errors

UNKNOWN_ADDRESSES_FACTOR = 3
"""All unknown addresses together may fail this many times as often as one address."""
NETWORK_FACTOR = 10
"""The unknown addresses of one network may fail this many times as often as one address."""
KNOWN_ADDRESS_SECONDS = 90 * 24 * 3600
MAX_KNOWN_ADDRESSES = 20


@dataclass(frozen=True)
class LoginAttempt:
    """An attempt within the limit. It counts as failed until it succeeds."""

    id: str
    account: str
    """A hash of the username."""
    address: str


class LoginAttempts:
    """Limits failed attempts; raises RedisUnavailable.

    An address is known to an account after its registration or a login from there.
    """

    def __init__(self, client: redis.Redis, limit: RateLimitItem) -> None:
        self._begin = read_script(client, "accounts", "begin_login")
        self._finish = read_script(client, "accounts", "finish_login")
        self._amount = limit.amount
        self._window_ms = limit.get_expiry() * 1000

    def start(self, username: str, address: str) -> LoginAttempt | RateLimitStatus:
        """Count an attempt; returns the limit's status if the limit refuses it.

        Unknown usernames are limited too, so that the answer does not tell which users exist.
        """
        attempt = LoginAttempt(secrets.token_hex(8), _account(username), address)
        arguments: list[str | int] = [
            attempt.id,
            address,
            self._amount,
            self._amount * UNKNOWN_ADDRESSES_FACTOR,
            self._amount * NETWORK_FACTOR,
            self._window_ms,
        ]
        with redis_errors():
            wait_ms, amount, reset_ms = self._begin(keys=_keys(attempt), args=arguments)
        if not wait_ms:
            return attempt
        return RateLimitStatus(amount, 0, math.ceil(reset_ms / 1000), math.ceil(wait_ms / 1000))

    def register(self, username: str, address: str) -> None:
        """Make the address known to a new account."""
        self.succeed(LoginAttempt("", _account(username), address))

    def succeed(self, attempt: LoginAttempt) -> None:
        """Take the failure back and make the address known to the account."""
        lifetime_ms = KNOWN_ADDRESS_SECONDS * 1000
        with redis_errors():
            self._finish(
                keys=_keys(attempt),
                args=[attempt.id, attempt.address, lifetime_ms, MAX_KNOWN_ADDRESSES],
            )


def _account(username: str) -> str:
    # Hashed, because a client may send any length. A text that is no username is no account's.
    return hashlib.sha256((username_key(username) or username).encode()).hexdigest()[:32]


def _keys(attempt: LoginAttempt) -> list[str]:
    return [
        keys.login_failures(attempt.account, attempt.address),
        keys.unknown_address_failures(attempt.account),
        keys.network_failures(attempt.account, wide_network_of(attempt.address)),
        keys.known_addresses(attempt.account),
    ]
