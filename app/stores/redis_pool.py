"""Connections to one Redis server: bounded waits, no retries, and a circuit breaker."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from config.redis_url import Address, Login, RedisUrl

SOCKET_SECONDS = 1.0
BREAK_SECONDS = 0.5
"""How long nobody asks a Redis that just failed, so that one request doesn't wait twice."""
LONG_SECONDS = 0.1
"""What took longer to fail was a wait; a server that is merely down refuses at once."""

Failure = (redis.ConnectionError, redis.TimeoutError)


class Breaker:
    """Remembers that a server failed a moment ago.

    A thread that waited in vain for one server doesn't wait for another one either, if `waited`
    is the same for both: however many servers a request needs, it is bounded by one wait.
    """

    def __init__(self, waited: threading.local) -> None:
        self._closed_from = 0.0
        self._waited = waited

    @property
    def open(self) -> bool:
        now = time.monotonic()
        return now < self._closed_from or now < getattr(self._waited, "until", 0.0)

    def trip(self, waited: float) -> None:
        """Let nobody through for BREAK_SECONDS, after a wait of so many seconds."""
        self._closed_from = time.monotonic() + BREAK_SECONDS
        if waited > LONG_SECONDS:
            self._waited.until = self._closed_from

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Trip when the block fails to reach the server or to get its answer."""
        begun = time.monotonic()
        try:
            yield
        except Failure:
            self.trip(time.monotonic() - begun)
            raise


class _Watched(redis.connection.AbstractConnection):
    """A connection that trips its pool's breaker when Redis can't be reached or doesn't answer."""

    def __init__(self, *, breaker: Breaker, **options: Any) -> None:
        super().__init__(**options)
        self._breaker = breaker

    def connect(self) -> None:
        with self._breaker.watch():
            super().connect()

    def read_response(self, *args: Any, **options: Any) -> Any:
        with self._breaker.watch():
            return super().read_response(*args, **options)


class _WatchedConnection(_Watched, redis.Connection):
    pass


class _WatchedSslConnection(_Watched, SSLConnection):
    pass


class _WatchedSocketConnection(_Watched, UnixDomainSocketConnection):
    pass


class BreakingPool(redis.BlockingConnectionPool):
    """A bounded pool to one server that fails at once while its breaker is open."""

    def __init__(
        self, url: RedisUrl, address: Address | None, size: int, waited: threading.local
    ) -> None:
        self._breaker = Breaker(waited)
        watched: type[Any]
        if address is None:
            watched = _WatchedSocketConnection
        else:
            watched = _WatchedConnection if url.tls is None else _WatchedSslConnection
        super().__init__(
            breaker=self._breaker,
            connection_class=watched,
            max_connections=size,
            timeout=SOCKET_SECONDS,
            **_place(url, address),
        )

    def get_connection(self, *args: Any, **options: Any) -> Any:
        if self._breaker.open:
            raise redis.ConnectionError("Redis failed a moment ago")
        return super().get_connection(*args, **options)


class PatientPool(redis.ConnectionPool):
    """A pool to one server without a breaker, for who retries by themselves."""

    def __init__(self, url: RedisUrl, address: Address | None) -> None:
        plain: type[Any]
        if address is None:
            plain = UnixDomainSocketConnection
        else:
            plain = redis.Connection if url.tls is None else SSLConnection
        super().__init__(connection_class=plain, **_place(url, address))


class NoPool(redis.ConnectionPool):
    """Stands where redis-py wants one, for a client that sends over other clients' connections."""

    def __init__(self) -> None:
        super().__init__(**options(SOCKET_SECONDS))

    def get_connection(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError("no server was chosen for this command")


def options(seconds: float) -> dict[str, Any]:
    """What every connection has, whatever it leads to: no wait longer than that, no retry."""
    return {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        # redis-py 8 retries ten times by default; what may be repeated is the caller's to say.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": True,
        "health_check_interval": 0,
    }


def credentials(login: Login) -> dict[str, Any]:
    """A login as redis-py's arguments."""
    return {"username": login.username, "password": login.password}


def _place(url: RedisUrl, address: Address | None) -> dict[str, Any]:
    where: dict[str, Any] = {"path": url.socket_path}
    if address is not None:
        where = {"host": address[0], "port": address[1], **(url.tls or {})}
    return {
        **options(SOCKET_SECONDS), **credentials(url.login), "db": url.database, **where
    }  # fmt: skip
