"""Limits by address on what needs no account: register, login and the public reads.

The limits of a user's own actions are in admit.lua, where they are atomic with the token.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, current_app, request
from flask_limiter import Limiter
from limits import RateLimitItem
from limits.storage import RedisStorage
from redis import Redis
from redis.exceptions import RedisError

from app.callers import network_of
from app.contract.errors import Allowance
from app.http.services import services

View = Callable[..., Any]
_IS_LIMITED = "limited_by_address"


def caller_address() -> str:
    """Where the request came from, as TRUSTED_PROXY_HOPS lets proxies say; of IPv6 the /64."""
    return network_of(request.remote_addr or "unknown")


# Without Redis a login is refused (503), so its limit needs no second storage; reads go on
# without Redis and are then counted in this process.
_auth = Limiter(caller_address, strategy="moving-window", key_prefix="limit:auth")
_read = Limiter(
    caller_address,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    key_prefix="limit:read",
)

log = structlog.stdlib.get_logger(__name__)


class _OurRedis(RedisStorage):
    """The app's own client, so with its pool, time limits and breaker, whatever it leads to.

    The library has storages for Cluster and Sentinel too; they connect at once and retry.
    """

    SCHEME = "ours"
    STORAGE_SCHEME: list[str] = [SCHEME]  # noqa: RUF012 - as the library declares it

    def __init__(self, uri: str, client: Redis, **options: Any) -> None:
        super().__init__(uri, connection_pool=client.connection_pool, **options)
        self.storage = client
        self.initialize_storage(uri)


def _written(items: tuple[RateLimitItem, ...]) -> str:
    return ";".join(f"{item.amount} per {item.multiples} {item.GRANULARITY.name}" for item in items)


def _auth_limit() -> str:
    return _written(services().settings.auth_limit)


def _read_limit() -> str:
    return _written(services().settings.read_limit)


def _limited(shared_limit: Callable[[View], View]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        limited = shared_limit(view)
        setattr(limited, _IS_LIMITED, True)
        return limited

    return decorate


# Shared, because the path with /api and the one without are two endpoints but one limit.
limit_register = _limited(_auth.shared_limit(_auth_limit, scope="register"))
limit_login = _limited(_auth.shared_limit(_auth_limit, scope="login"))
limit_read = _limited(_read.shared_limit(_read_limit, scope="leaderboard"))


def register_limits(app: Flask) -> None:
    """Count in the app's Redis."""
    with app.app_context():
        found = services()
    app.config["RATELIMIT_STORAGE_URI"] = f"{_OurRedis.SCHEME}://"
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"client": found.redis}
    # Known to the app before, they install no hooks, which look at each request for a tenth of a
    # millisecond, and while Redis is away ask at each whether it is back. A limited view asks too.
    app.extensions["limiter"] = {_auth, _read}
    _auth.init_app(app)
    _read.init_app(app)


def address_allowance() -> Allowance | None:
    """What is left of the address's limit that this request was counted by, if any."""
    if not hasattr(current_app.view_functions.get(request.endpoint or ""), _IS_LIMITED):
        return None
    current = _auth.current_limit or _read.current_limit
    if current is None:
        return None
    try:
        remaining, reset_at = current.remaining, current.reset_at
    except RedisError as error:
        log.warning("limit_unknown", cause=str(error))
        return None
    wait = math.ceil(max(1.0, reset_at - time.time())) if current.breached else 0
    return Allowance(current.limit.amount, max(0, remaining), reset_at, wait)
