"""A circuit breaker: who would only wait in vain fails at once, and one at a time looks again."""

from __future__ import annotations

import threading
import time

BREAK_SECONDS = 0.5
"""How long nobody asks a server that did not answer."""
PROBE_SECONDS = 2.0
"""How long the others wait for the word of the one that looks again; longer than any call."""


class CircuitBreaker:
    """Opens when a server can't be reached or doesn't answer, and closes when it does.

    However many requests come meanwhile, one thread at a time waits for the server; so threads
    stay free for what needs no such server. With a break of 0 seconds everybody is let through.
    """

    def __init__(self, break_seconds: float = BREAK_SECONDS) -> None:
        self._break_seconds = break_seconds
        self._lock = threading.Lock()
        self._open = False
        self._next_probe_at = 0.0

    @property
    def open(self) -> bool:
        """Whether the server did not answer when it was asked last."""
        return self._open

    def lets_through(self) -> bool:
        """Whether the caller may ask the server; while open, one caller in each BREAK_SECONDS."""
        if not self._open or not self._break_seconds:
            return True
        with self._lock:
            now = time.monotonic()
            if self._open and now < self._next_probe_at:
                return False
            self._next_probe_at = now + PROBE_SECONDS
            return True

    def trip(self) -> None:
        """The server did not answer."""
        with self._lock:
            self._open = True
            self._next_probe_at = time.monotonic() + self._break_seconds

    def close(self) -> None:
        """The server answered."""
        self._open = False
