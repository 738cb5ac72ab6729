"""A circuit breaker: while a server does not answer, callers fail at once instead of waiting."""

from __future__ import annotations

import math
import threading
import time

BREAK_SECONDS = 0.5
"""Pause between a failure and the next probe."""
PROBE_TIMEOUT_SECONDS = 2.0
"""A probe without a result blocks the next one for this time, which is longer than any call."""
PROBE_WAIT_SECONDS = 0.2
"""How long other callers wait for a probe: a server that is back answers sooner."""
RECENT_SECONDS = 1.0
"""A refused connection does not open the breaker if the server answered within this time."""
LONG_WAIT_SECONDS = 0.1
"""A call that failed later than this has waited; a server that is down refuses at once."""


class ThreadWaits(threading.local):
    """How long the calling thread has just waited for a server that did not answer.

    Breakers of several servers that share one of these bound a request by one wait, however many
    of the servers it needs. A server of another kind may be waited for as well, but not as long.
    """

    over_at = 0.0
    """Until this time the thread must not wait again."""
    seconds = 0.0
    max_seconds = math.inf
    """The thread must not wait longer for one answer than this."""

    @property
    def recent_seconds(self) -> float:
        """The length of the last wait if it has ended a moment ago, else 0."""
        return self.seconds if time.monotonic() < self.over_at else 0.0


class CircuitBreaker:
    """Opens when a server can't be reached or doesn't answer, and closes when it does.

    While it is open, one caller at a time probes the server, so the threads stay free for work
    that doesn't need it. With a break of 0 seconds every call is allowed.
    """

    def __init__(
        self, break_seconds: float = BREAK_SECONDS, thread_waits: ThreadWaits | None = None
    ) -> None:
        self._break_seconds = break_seconds
        self._thread_waits = thread_waits or ThreadWaits()
        self._changed = threading.Condition()
        self._open = False
        self._next_probe_at = 0.0
        self._probed_at = -math.inf
        self._answered_at = -math.inf

    @property
    def is_open(self) -> bool:
        """Whether the last call got no answer."""
        return self._open

    def allows_call(self) -> bool:
        """Whether the caller may call the server; while open, one caller per BREAK_SECONDS.

        Waits up to PROBE_WAIT_SECONDS for a probe that has just started.
        """
        over_at = self._thread_waits.over_at
        if over_at and time.monotonic() < over_at:
            return False
        if not self._open or not self._break_seconds:
            return True
        with self._changed:
            while self._open:
                now = time.monotonic()
                if now >= self._next_probe_at:
                    self._next_probe_at = now + PROBE_TIMEOUT_SECONDS
                    self._probed_at = now
                    return True
                remaining = self._probed_at + PROBE_WAIT_SECONDS - now
                if remaining <= 0:
                    return False
                self._changed.wait(remaining)
            return True

    def trip(self, waited_seconds: float = 0.0) -> None:
        """Record that the server did not answer, or not within `waited_seconds`."""
        with self._changed:
            self._open = True
            self._next_probe_at = time.monotonic() + self._break_seconds
            self._probed_at = -math.inf
            self._changed.notify_all()
        if waited_seconds > LONG_WAIT_SECONDS:
            self._thread_waits.over_at = self._next_probe_at
            self._thread_waits.seconds = waited_seconds

    def fail_probe(self) -> None:
        """Record that a call failed in a way that doesn't show whether the server answers.

        A probe that failed so is followed by another after BREAK_SECONDS.
        """
        if self._open:
            self.trip()

    def fail_connect(self) -> None:
        """Record that no new connection could be opened.

        While the server answers on other connections, the breaker stays closed for their callers:
        the server may only have too many connections.
        """
        if time.monotonic() - self._answered_at > RECENT_SECONDS:
            self.trip()

    def answered_since(self, begun_at: float) -> bool:
        """Whether the server has answered another call since this monotonic time."""
        return self._answered_at >= begun_at

    def forget_answers(self) -> None:
        """Record that the connections on which the server answered are closed."""
        self._answered_at = -math.inf

    def close(self) -> None:
        """Record that the server answered."""
        self._answered_at = time.monotonic()
        if self._open:
            with self._changed:
                self._open = False
                self._changed.notify_all()
