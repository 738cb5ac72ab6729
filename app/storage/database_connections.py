"""Connections to PostgreSQL whose every wait has a limit, in the client and in the server."""

from __future__ import annotations

import ipaddress
import math
import select
import socket
import time
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, event

from app.concurrency.circuit_breaker import CircuitBreaker, ThreadWaits

STATEMENT_SHARE, LOCK_SHARE = 0.85, 0.7
"""Shares of the client's deadline. The server gives up first, so the connection stays usable."""
MAX_WAIT_SHARE = 0.7
"""Share of the deadline that a wait for another server may take away."""
PROBE_SHARE = 0.5
"""Share of the deadline for a call that tests whether the server is back."""
IDLE_SHARE = 4
"""Share for a transaction whose client has stopped sending and still holds its locks."""

KEEPALIVES = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
"""The kernel closes an idle connection within 11 s if the other machine is gone."""


class DeadlineExceeded(psycopg2.OperationalError):
    """PostgreSQL did not answer before the connection's deadline."""

    only_this_call = False
    """Whether this says nothing about other calls."""


class TimedConnection(extensions.connection):
    """A connection on which no call waits longer than deadline_seconds."""

    deadline_seconds: float
    breaker: CircuitBreaker
    thread_waits: ThreadWaits
    opened_at = math.inf
    """Monotonic time of the attempt that opened it; infinite while it is being opened."""

    def __init__(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        try:
            super().__init__(*args, **options)
        except psycopg2.OperationalError:
            # Otherwise its socket stays open as long as the error's traceback refers to it.
            with suppress(psycopg2.Error):
                self.close()
            raise
        self.opened_at = begun


def install_wait_callback() -> None:
    """Make psycopg2 end every wait at the connection's deadline, in threads and in greenlets.

    A PostgreSQL that was stopped by SIGSTOP ignores statement_timeout and cancel requests. Only
    the client's own deadline frees the caller. gevent patches select.poll.
    """
    extensions.set_wait_callback(_wait)


class Connector:
    """Opens the connections of one engine, with a deadline, limits in the server, and the breaker.

    Without limits in the server, an abandoned query would go on and hold its locks. Behind a pooler
    none are set, because they would stay on a server connection that other clients use next. There
    the pooler's configuration sets the limits (deploy/pgbouncer/).
    """

    def __init__(
        self,
        engine: Engine,
        deadline_seconds: float,
        breaker: CircuitBreaker,
        thread_waits: ThreadWaits,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._thread_waits = thread_waits
        self._breaker = breaker
        self._connected_host = 0
        settings = ", ".join(
            f"set_config('{name}', '{value}', false)"
            for name, value in server_limits(deadline_seconds).items()
        )
        # A pooler invents the process id that it reports to a client, so behind it this sets
        # nothing.
        self._set_limits = f"SELECT {settings} WHERE pg_backend_pid() = %s"
        event.listen(engine, "do_connect", self._connect)

    def _connect(self, _dialect: Any, _record: Any, _args: Any, arguments: dict[str, Any]) -> Any:
        try:
            connection = self._open(_each_host(arguments))
        except psycopg2.OperationalError:
            self._breaker.fail_connect()
            raise
        connection.deadline_seconds = self._deadline_seconds
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(self._set_limits, (connection.info.backend_pid,))
        connection.autocommit = False
        return connection

    def _open(self, hosts: list[dict[str, Any]]) -> TimedConnection:
        """A connection to the first host that accepts one; starts with the host that accepted last.

        libpq would wait for a host that does not answer until the deadline, and try no other.
        """
        timed = type(
            "_Connection",
            (TimedConnection,),
            {
                "deadline_seconds": self._deadline_seconds / len(hosts),
                "breaker": self._breaker,
                "thread_waits": self._thread_waits,
            },
        )
        first = self._connected_host % len(hosts)
        for position in (*range(first, len(hosts)), *range(first)):
            # The engine passes the same dict for every connection, so it must not be changed.
            target = KEEPALIVES | _resolved(hosts[position])
            try:
                connection: TimedConnection = psycopg2.connect(**target, connection_factory=timed)
            except psycopg2.OperationalError as error:
                failure = error
                continue
            self._connected_host = position
            return connection
        raise failure


def server_limits(deadline_seconds: float) -> dict[str, int]:
    """PostgreSQL's time limits, in ms, for a client with this deadline."""
    shares = {
        "statement_timeout": STATEMENT_SHARE,
        "lock_timeout": LOCK_SHARE,
        "idle_in_transaction_session_timeout": IDLE_SHARE,
    }
    return {name: round(share * deadline_seconds * 1000) for name, share in shares.items()}


def _each_host(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each host, if the URL names several."""
    hosts = arguments.get("host", "").split(",")
    if len(hosts) == 1 or "hostaddr" in arguments:
        return [arguments]
    ports = str(arguments.get("port", "")).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    return [
        arguments | {"host": host, "port": port} for host, port in zip(hosts, ports, strict=True)
    ]


def _resolved(arguments: dict[str, Any]) -> dict[str, Any]:
    """The connection's arguments, with the addresses of the host.

    libpq would resolve the name itself, which blocks the whole process under gevent.
    """
    host = arguments.get("host", "")
    if not host or host.startswith(("/", "@")) or "hostaddr" in arguments:
        return arguments
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise psycopg2.OperationalError(f"{host} has no address: {error}") from error
        addresses = [str(address[0]) for *_, address in found]
        return arguments | {
            "host": ",".join([host] * len(addresses)),
            "hostaddr": ",".join(addresses),
        }
    return arguments


def _wait(connection: Any) -> None:
    begun = time.monotonic()
    limit = begun + _max_wait_seconds(connection)
    while (state := connection.poll()) != extensions.POLL_OK:
        event_mask = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        poller = select.poll()
        poller.register(connection.fileno(), event_mask)
        remaining = limit - time.monotonic()
        timeout = None if math.isinf(remaining) else max(0.0, remaining) * 1000
        if not poller.poll(timeout):
            # psycopg2 closes a connection whose wait failed, so no later call reads its answer.
            raise _deadline_exceeded(connection, begun)


def _max_wait_seconds(connection: Any) -> float:
    if not isinstance(connection, TimedConnection):
        # Connections of migrations and tests use this callback too.
        return math.inf
    seconds, waits = connection.deadline_seconds, connection.thread_waits
    # A request that has just waited for Redis gets an answer in time too.
    seconds -= min(waits.recent_seconds, MAX_WAIT_SHARE * seconds)
    if connection.breaker.is_open:
        # The request may have waited for a thread. A server that is back answers sooner.
        seconds = min(seconds, PROBE_SHARE * connection.deadline_seconds)
    return min(seconds, waits.max_seconds)


def _deadline_exceeded(connection: TimedConnection, begun: float) -> DeadlineExceeded:
    error = DeadlineExceeded("PostgreSQL did not answer in time")
    # While storage stalls, reads are answered and commits are not.
    others_answered = connection.breaker.answered_since((begun + time.monotonic()) / 2)
    impatient = not math.isinf(connection.thread_waits.max_seconds)
    error.only_this_call = others_answered or impatient
    if not math.isinf(connection.opened_at) and not error.only_this_call:
        connection.breaker.trip()
    return error
