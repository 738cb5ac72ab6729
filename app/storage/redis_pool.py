"""Connections to one Redis server: bounded waits, no retries, and a circuit breaker."""

from __future__ import annotations

import time
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.connection import SSLConnection, UnixDomainSocketConnection
from redis.retry import Retry

from app.concurrency.circuit_breaker import CircuitBreaker, ThreadWaits
from config.redis_url import Address, Login, RedisUrl

SOCKET_SECONDS = 1.0

# Made once: redis-py reads its version from a file, and would do so for each new connection.
# Without a free file descriptor that fails with an error that is not redis-py's.
_DRIVER_INFO = redis.DriverInfo()

CONNECTION_ERRORS = (redis.ConnectionError, redis.TimeoutError)
"""The server could not be reached, or did not answer in time."""


class _BreakerConnection(redis.connection.AbstractConnection):
    """A connection that trips its pool's breaker if Redis can't be reached or doesn't answer."""

    def __init__(self, *, breaker: CircuitBreaker, **options: Any) -> None:
        super().__init__(**options)
        self._breaker = breaker

    def connect(self) -> None:
        begun = time.monotonic()
        try:
            super().connect()
        except CONNECTION_ERRORS:
            self._breaker.trip(time.monotonic() - begun)
            raise

    def send_packed_command(self, *args: Any, **options: Any) -> None:
        try:
            super().send_packed_command(*args, **options)
        except CONNECTION_ERRORS:
            # The pooled connection may be old and the server well, so this alone doesn't trip.
            self._breaker.fail_probe()
            raise

    def read_response(self, *args: Any, **options: Any) -> Any:
        begun = time.monotonic()
        try:
            reply = super().read_response(*args, **options)
        except CONNECTION_ERRORS:
            self._breaker.trip(time.monotonic() - begun)
            raise
        except redis.ResponseError:
            self._breaker.close()
            raise
        self._breaker.close()
        return reply


class _BreakerTcpConnection(_BreakerConnection, redis.Connection):
    pass


class _BreakerTlsConnection(_BreakerConnection, SSLConnection):
    pass


class _BreakerSocketConnection(_BreakerConnection, UnixDomainSocketConnection):
    pass


class CircuitBreakerPool(redis.BlockingConnectionPool):
    """A bounded pool to one server. While its breaker is open, getting a connection fails."""

    def __init__(
        self, url: RedisUrl, address: Address | None, size: int, thread_waits: ThreadWaits
    ) -> None:
        self._breaker = CircuitBreaker(thread_waits=thread_waits)
        connection_class: type[Any]
        if address is None:
            connection_class = _BreakerSocketConnection
        else:
            connection_class = _BreakerTcpConnection if url.tls is None else _BreakerTlsConnection
        super().__init__(
            breaker=self._breaker,
            connection_class=connection_class,
            max_connections=size,
            timeout=SOCKET_SECONDS,
            **_connection_arguments(url, address),
        )

    def get_connection(self, *args: Any, **options: Any) -> Any:
        if not self._breaker.allows_call():
            raise redis.ConnectionError("Redis failed a moment ago")
        try:
            return super().get_connection(*args, **options)
        except CONNECTION_ERRORS:
            # Also if no connection became free.
            self._breaker.fail_probe()
            raise


class PlainPool(redis.ConnectionPool):
    """A pool to one server without a breaker, for callers that retry on their own."""

    def __init__(self, url: RedisUrl, address: Address | None) -> None:
        connection_class: type[Any]
        if address is None:
            connection_class = UnixDomainSocketConnection
        else:
            connection_class = redis.Connection if url.tls is None else SSLConnection
        super().__init__(connection_class=connection_class, **_connection_arguments(url, address))


class UnusedPool(redis.ConnectionPool):
    """Satisfies redis-py in a client that sends over the connections of other clients."""

    def __init__(self, database: int) -> None:
        super().__init__(**connection_options(SOCKET_SECONDS), db=database)

    def get_connection(self, *args: Any, **options: Any) -> Any:
        raise NotImplementedError("no server was chosen for this command")


def connection_options(timeout_seconds: float) -> dict[str, Any]:
    """The options of every connection, to whatever server: bounded waits and no retries."""
    return {
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": timeout_seconds,
        # redis-py 8 retries ten times by default. Only the caller knows what may be repeated.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "decode_responses": True,
        # Other clients of Redis may write or publish bytes that are not UTF-8.
        "encoding_errors": "replace",
        "health_check_interval": 0,
    }


def credentials(login: Login) -> dict[str, Any]:
    """A login as redis-py's arguments."""
    return {"username": login.username, "password": login.password}


def _connection_arguments(url: RedisUrl, address: Address | None) -> dict[str, Any]:
    target: dict[str, Any] = {"path": url.socket_path}
    if address is not None:
        target = {"host": address[0], "port": address[1], **(url.tls or {})}
    return {
        **connection_options(SOCKET_SECONDS),
        **credentials(url.login),
        "db": url.database,
        "driver_info": _DRIVER_INFO,
        **target,
    }
