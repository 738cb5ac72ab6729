"""Limits by address, for what needs no account: register, login, pairing and the public reads.

Also the limits of service keys: of requests by key, and of guesses by address. The limits of a
user's own actions are in admit.lua, where they are atomic with the token.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, g
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from app.contract.errors import RateLimited, RedisUnavailable, ServiceKeyInvalid
from app.contract.limits import RateLimitStatus
from app.http.errors import error_reply
from app.http.reply_headers import rate_limit_status, set_rate_limit_status
from app.http.services import services
from app.network.client_address import client_address
from app.storage.redis import AppRedisStorage

View = Callable[..., Any]

# Without Redis a login is refused (503), so its limit needs no second storage. Public reads and
# service keys work without Redis, and each process counts them on its own then.
_auth = Limiter(client_address, strategy="moving-window", key_prefix="limit:auth")
_read = Limiter(
    client_address,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    key_prefix="limit:read",
)
_service = Limiter(
    lambda: str(g.service_key.id),
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    key_prefix="limit:service",
)
_GUESSES = "service_key_guesses"
Answer = TypeVar("Answer")

log = structlog.stdlib.get_logger(__name__)


def register_limits(app: Flask) -> None:
    """Count in the app's Redis."""
    with app.app_context():
        client, settings = services().redis, services().settings
    app.config["RATELIMIT_STORAGE_URI"] = f"{AppRedisStorage.SCHEME}://"
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"client": client}
    # A limiter that is in app.extensions already installs no hooks. The hooks would cost each
    # request 0.1 ms and, without Redis, a check whether it is back. A limited view checks itself.
    app.extensions["limiter"] = {_auth, _read, _service}
    for limiter in (_auth, _read, _service):
        limiter.init_app(app)
    app.extensions[_GUESSES] = _GuessLimit(client, settings.auth_limit)
    app.register_error_handler(RedisError, _redis_error_reply)


@contextmanager
def guesses_limited() -> Iterator[None]:
    """Limit by address how often the block may raise ServiceKeyInvalid for a guessed key.

    Raises RateLimited before the block if the address has no guess left.
    """
    guesses: _GuessLimit = current_app.extensions[_GUESSES]
    address = client_address()
    guesses.check(address)
    try:
        yield
    except ServiceKeyInvalid as error:
        if error.guessed:
            guesses.count(address)
        raise


class _GuessLimit:
    """Counts guessed service keys by address, in this process alone while Redis fails.

    flask-limiter counts a request before its view. Here only a request with a wrong key counts:
    valid keys behind the same address don't use the limit up, and a server that still sends a
    revoked or truncated key doesn't close the address to them.
    """

    def __init__(self, client: Redis, amount: tuple[RateLimitItem, ...]) -> None:
        self._amount = amount
        shared = AppRedisStorage(f"{AppRedisStorage.SCHEME}://", client)
        self._shared = FixedWindowRateLimiter(shared)
        self._local = FixedWindowRateLimiter(MemoryStorage())

    def check(self, address: str) -> None:
        """Raise RateLimited if the address has no guess left."""
        for item in self._amount:
            if not self._ask(FixedWindowRateLimiter.test, item, address):
                raise RateLimited(self._status(item, address))

    def count(self, address: str) -> None:
        """Count a guess; raises RateLimited if simultaneous requests have used the last one."""
        for item in self._amount:
            if not self._ask(FixedWindowRateLimiter.hit, item, address):
                raise RateLimited(self._status(item, address))

    def _status(self, item: RateLimitItem, address: str) -> RateLimitStatus:
        reset_at, _ = self._ask(FixedWindowRateLimiter.get_window_stats, item, address)
        wait = math.ceil(max(1.0, reset_at - time.time()))
        return RateLimitStatus(item.amount, 0, math.ceil(reset_at), wait)

    def _ask(self, question: Callable[..., Answer], item: RateLimitItem, address: str) -> Answer:
        try:
            return question(self._shared, item, _GUESSES, address)
        except RedisError:
            return question(self._local, item, _GUESSES, address)


def _limit(
    limiter: Limiter, amount: Callable[[], tuple[RateLimitItem, ...]], scope: str
) -> Callable[[View], View]:
    # Shared, because a view with and without /api is two endpoints but has one limit.
    shared_limit = limiter.shared_limit(lambda: _limit_string(amount()), scope=scope)

    def decorate(view: View) -> View:
        limited = shared_limit(view)

        @wraps(view)
        def limited_view(*args: Any, **kwargs: Any) -> Any:
            """Raises RateLimited, RedisUnavailable and what the view raises."""
            try:
                return limited(*args, **kwargs)
            except RateLimitExceeded as error:
                window = error.limit.limit
                exceeded = RateLimitStatus(window.amount, 0, 0, window.get_expiry())
                status = _status(limiter) or exceeded
                set_rate_limit_status(status)
                raise RateLimited(status) from None
            finally:
                if rate_limit_status() is None and (current := _status(limiter)):
                    set_rate_limit_status(current)

        return limited_view

    return decorate


def _limit_string(items: tuple[RateLimitItem, ...]) -> str:
    return ";".join(f"{item.amount} per {item.multiples} {item.GRANULARITY.name}" for item in items)


limit_register = _limit(_auth, lambda: services().settings.auth_limit, scope="register")
limit_login = _limit(_auth, lambda: services().settings.auth_limit, scope="login")
limit_pairing = _limit(_auth, lambda: services().settings.auth_limit, scope="pairing")
limit_service_key = _limit(_service, lambda: services().settings.service_limit, scope="service")
limit_read = _limit(_read, lambda: services().settings.read_limit, scope="leaderboard")


def _status(limiter: Limiter) -> RateLimitStatus | None:
    """The state of the limit that counted this request; None if Redis does not answer."""
    current = limiter.current_limit
    if current is None:
        return None
    try:
        remaining, reset_at = current.remaining, current.reset_at
    except RedisError as error:
        log.warning("limit_unknown", cause=str(error))
        return None
    wait = math.ceil(max(1.0, reset_at - time.time())) if current.breached else 0
    return RateLimitStatus(current.limit.amount, max(0, remaining), reset_at, wait)


def _redis_error_reply(error: RedisError) -> Response:
    # flask-limiter's storage calls Redis without our translation of errors.
    unavailable = RedisUnavailable()
    unavailable.__cause__ = error
    return error_reply(unavailable)
