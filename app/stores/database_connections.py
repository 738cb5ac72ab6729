"""How a connection to PostgreSQL is made: no wait without a limit, on neither side of it."""

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

from app.stores.circuit_breaker import CircuitBreaker

STATEMENT_SHARE, LOCK_SHARE = 0.85, 0.7
"""Of the client's deadline: the server gives up first, and says so on a connection that lives."""
IDLE_SHARE = 4
"""Of the deadline, for a transaction whose client says nothing more and keeps its locks."""


class NotAnswered(psycopg2.OperationalError):
    """The connection's deadline was over before PostgreSQL answered."""


class _TimedConnection(extensions.connection):
    """A connection on which no single call waits longer than deadline_seconds."""

    deadline_seconds: float
    breaker: CircuitBreaker

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            super().__init__(*args, **options)
        except psycopg2.OperationalError:
            self.breaker.trip()
            # Else its socket stays open for as long as the error's traceback knows the object.
            with suppress(psycopg2.Error):
                self.close()
            raise


def bound_every_wait() -> None:
    """Make psycopg2 wait with each connection's deadline, in threads and greenlets alike.

    A PostgreSQL stopped by SIGSTOP answers neither statement_timeout nor a cancel; only the
    client's own deadline frees the caller. select.poll is cooperative under gevent's patching.
    """
    extensions.set_wait_callback(_wait)


def bound_connections(engine: Engine, deadline_seconds: float, breaker: CircuitBreaker) -> None:
    """Have each connection of the engine bear the deadline, tell the server of it, and trip.

    An abandoned query would else live on in the server, and keep its locks. Behind a pooler nothing
    is set: it would stay on the server's connection, for whoever gets that next, and not come along
    to ours. There the pooler's configuration sets the limits (deploy/pgbouncer/).
    """
    timed = type(
        "_Connection",
        (_TimedConnection,),
        {"deadline_seconds": deadline_seconds, "breaker": breaker},
    )
    settings = ", ".join(
        f"set_config('{name}', '{value}', false)"
        for name, value in limits(deadline_seconds).items()
    )
    # A pooler gives each client a process id of its own making.
    tell = f"SELECT {settings} WHERE pg_backend_pid() = %s"

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _args: Any, where: dict[str, Any]) -> Any:
        # `where` is the engine's own and used for every connection.
        connection = psycopg2.connect(**_resolved(where), connection_factory=timed)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(tell, (connection.info.backend_pid,))
        connection.autocommit = False
        return connection


def limits(deadline_seconds: float) -> dict[str, int]:
    """PostgreSQL's own time limits, in ms, for a client that waits so long."""
    shares = {
        "statement_timeout": STATEMENT_SHARE,
        "lock_timeout": LOCK_SHARE,
        "idle_in_transaction_session_timeout": IDLE_SHARE,
    }
    return {name: round(share * deadline_seconds * 1000) for name, share in shares.items()}


def _resolved(where: dict[str, Any]) -> dict[str, Any]:
    """The connection's arguments with the addresses of its host.

    libpq would look the name up by itself, and under gevent stop the whole process for it.
    """
    host = where.get("host", "")
    if not host or host.startswith(("/", "@")) or "," in host or "hostaddr" in where:
        return where
    try:
        ipaddress.ip_address(host)
    except ValueError:
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except OSError as error:
            raise psycopg2.OperationalError(f"{host} has no address: {error}") from error
        addresses = [str(address[0]) for *_, address in found]
        return where | {"host": ",".join([host] * len(addresses)), "hostaddr": ",".join(addresses)}
    return where


def _wait(connection: Any) -> None:
    # Others' connections (migrations, tests) go through this callback too and may take their time.
    limit = time.monotonic() + getattr(connection, "deadline_seconds", math.inf)
    while (state := connection.poll()) != extensions.POLL_OK:
        event_mask = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        poller = select.poll()
        poller.register(connection.fileno(), event_mask)
        remaining = limit - time.monotonic()
        timeout = None if math.isinf(remaining) else max(0.0, remaining) * 1000
        if not poller.poll(timeout):
            connection.breaker.trip()
            # psycopg2 closes a connection whose wait failed, so its late answer is never misread.
            raise NotAnswered("PostgreSQL did not answer in time")
