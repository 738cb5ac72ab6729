"""Attempts to prove a password, counted by account and address so that guessing is slow.

docs/decisions/0016-security.md says why an owner is not locked out by somebody who guesses.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass

import redis
from limits import RateLimitItem

from app.contract import keys
from app.contract.errors import Allowance
from app.stores.lua_script import read_script
from app.stores.redis import translated

STRANGERS_SHARE = 3
"""So many times what one address may fail, all strangers together may before each is slowed."""
KNOWN_SECONDS = 90 * 24 * 3600
KNOWN_ADDRESSES = 20


@dataclass(frozen=True)
class LoginAttempt:
    """An attempt that was admitted, and counts as failed until it has succeeded."""

    number: str
    account: str
    address: str


class LoginAttempts:
    """Runs begin_login.lua and finish_login.lua; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis, limit: RateLimitItem) -> None:
        self._begin = read_script(client, "begin_login")
        self._finish = read_script(client, "finish_login")
        self._amount = limit.amount
        self._window_ms = limit.get_expiry() * 1000

    def attempt(self, username: str, address: str) -> LoginAttempt | Allowance:
        """The attempt to go on with, or what is left of the limit, which is nothing.

        The same for names that nobody has, so that nobody learns which there are.
        """
        # Names are unique without regard to case, and this one may be of any length.
        account = hashlib.sha256(username.lower().encode()).hexdigest()[:32]
        attempt = LoginAttempt(secrets.token_hex(8), account, address)
        arguments: list[str | int] = [
            attempt.number,
            address,
            self._amount,
            self._amount * STRANGERS_SHARE,
            self._window_ms,
        ]
        with translated():
            wait, amount, reset = self._begin(keys=_names(attempt), args=arguments)
        if not wait:
            return attempt
        return Allowance(amount, 0, math.ceil(reset / 1000), math.ceil(wait / 1000))

    def succeeded(self, attempt: LoginAttempt) -> None:
        """The password was right: nothing has failed, and the address is known from now on."""
        life = KNOWN_SECONDS * 1000
        with translated():
            self._finish(
                keys=_names(attempt),
                args=[attempt.number, attempt.address, life, KNOWN_ADDRESSES],
            )


def _names(attempt: LoginAttempt) -> list[str]:
    return [
        keys.login_failures(attempt.account, attempt.address),
        keys.strangers_failures(attempt.account),
        keys.known_addresses(attempt.account),
    ]
