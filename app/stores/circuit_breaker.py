"""A circuit breaker: who would only wait in vain fails at once, and one at a time looks again."""

from __future__ import annotations

import math
import threading
import time

BREAK_SECONDS = 0.5
"""How long nobody asks a server that did not answer."""
PROBE_SECONDS = 2.0
"""How long the word of the one that looks again is waited for; longer than any call."""
PATIENCE_SECONDS = 0.2
"""How old a look may be for others to wait for it: a server that is back answers sooner."""


class CircuitBreaker:
    """Opens when a server can't be reached or doesn't answer, and closes when it does.

    However many requests come meanwhile, one thread at a time waits for the server; so threads
    stay free for what needs no such server. With a break of 0 seconds everybody is let through.
    """

    def __init__(self, break_seconds: float = BREAK_SECONDS) -> None:
        self._break_seconds = break_seconds
        self._changed = threading.Condition()
        self._open = False
        self._next_probe_at = 0.0
        self._probed_at = -math.inf

    @property
    def open(self) -> bool:
        """Whether the server did not answer when it was asked last."""
        return self._open

    def lets_through(self) -> bool:
        """Whether the caller may ask the server; while open, one caller in each BREAK_SECONDS.

        Waits up to PATIENCE_SECONDS for the word of somebody who has just begun to look.
        """
        if not self._open or not self._break_seconds:
            return True
        with self._changed:
            while self._open:
                now = time.monotonic()
                if now >= self._next_probe_at:
                    self._next_probe_at = now + PROBE_SECONDS
                    self._probed_at = now
                    return True
                patience = self._probed_at + PATIENCE_SECONDS - now
                if patience <= 0:
                    return False
                self._changed.wait(patience)
            return True

    def trip(self) -> None:
        """The server did not answer."""
        with self._changed:
            self._open = True
            self._next_probe_at = time.monotonic() + self._break_seconds
            self._probed_at = -math.inf
            self._changed.notify_all()

    def close(self) -> None:
        """The server answered."""
        if self._open:
            with self._changed:
                self._open = False
                self._changed.notify_all()
