"""Which connections of a pool to PostgreSQL may be used again."""

from __future__ import annotations

import math
import select
import time
from typing import Any

import psycopg2
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError

from app.concurrency.circuit_breaker import CircuitBreaker
from app.storage.database_connections import DeadlineExceeded, TimedConnection

READ_ONLY_STATE = "25006"
_LOST_STATES = ("08", "25P03", "25P04", "57P")
"""SQLSTATEs, or their beginnings, after which PostgreSQL closes the connection (appendix A)."""
NEW_SECONDS = 1.0
"""A connection younger than this is not replaced because its server is read-only: the next one
would most likely reach the same server."""


class PooledConnections:
    """Decides which connections of one engine may be used again.

    Guarantees:
      * A connection that its server has closed is replaced before a caller gets it. That needs no
        round trip.
      * If a connection is lost during a call, or its server has become read-only, no connection
        that was opened before is used again. If only this call is stalled, the others stay.
      * Any other error of a statement leaves all connections in the pool.
    """

    def __init__(self, engine: Engine, breaker: CircuitBreaker) -> None:
        self._breaker = breaker
        self._usable_since = -math.inf
        event.listen(engine, "checkout", self._check)
        event.listen(engine, "handle_error", self._handle_error)

    def is_lost(self, connection: TimedConnection, error: BaseException) -> bool:
        """Whether the connection must be closed after this error."""
        if not isinstance(error, psycopg2.Error):
            # The caller was interrupted, which says nothing about the other connections.
            return bool(connection.closed)
        if isinstance(error, DeadlineExceeded) and error.only_this_call:
            return True
        if sql_state(error) == READ_ONLY_STATE:
            lost = time.monotonic() - connection.opened_at > NEW_SECONDS
        else:
            unanswered = isinstance(error, psycopg2.OperationalError) and not was_answered(error)
            lost = bool(connection.closed) or unanswered
        # Otherwise the older ones are replaced already, and the new ones would be replaced too.
        if lost and connection.opened_at >= self._usable_since:
            self._usable_since = time.monotonic()
            self._breaker.forget_answers()
        return lost

    def _check(self, connection: TimedConnection, _record: Any, _proxy: Any) -> None:
        # On an idle connection PostgreSQL sends only the reason why it closes it, or a notice after
        # which a new connection works too.
        too_old = connection.opened_at < self._usable_since
        if too_old or connection.closed or _is_readable(connection):
            raise DisconnectionError("the pooled connection was closed")

    def _handle_error(self, context: ExceptionContext) -> None:
        if context.connection is None or context.connection.invalidated:
            return
        connection: Any = context.connection.connection.dbapi_connection
        if self.is_lost(connection, context.original_exception):
            context.is_disconnect = True
        # SQLAlchemy would compare the ages of connections by a clock that can be set back.
        context.invalidate_pool_on_disconnect = False


def sql_state(error: BaseException | None) -> str | None:
    """The SQLSTATE with which PostgreSQL answered; also of an error that SQLAlchemy has wrapped."""
    state: str | None = getattr(getattr(error, "orig", None) or error, "pgcode", None)
    return state


def was_answered(error: BaseException | None) -> bool:
    """Whether PostgreSQL answered with this error and keeps the connection open."""
    state = sql_state(error)
    return state is not None and not state.startswith(_LOST_STATES)


def _is_readable(connection: TimedConnection) -> bool:
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
