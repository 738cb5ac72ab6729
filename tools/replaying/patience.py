"""How long to wait before asking again, how often, and how not to look like a cheat."""

from __future__ import annotations

from collections import deque

from tools.replaying.api import TOO_MANY_REQUESTS, ReplayFailed, Reply

MOST_FAILURES = 30
"""In a row, which is about two minutes."""
FIRST_WAIT = 0.25
LONGEST_WAIT = 5.0
LEAST_LIMIT_WAIT = 1.0
"""After a 429 that names no time."""

CAREFUL_ATTEMPTS = 6
CAREFUL_SECONDS = 10.5
"""The default rule calls more than 8 attempts in 10 s fraud; this stays clear of it."""


class Patience:
    """Waits after refusals and failures, longer each time, up to a point."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._failures = 0

    def progress(self) -> None:
        """What was tried succeeded: start anew."""
        self._failures = 0

    def wait_after(self, reply: Reply) -> float:
        """Seconds until it is worth trying again; raises ReplayFailed when it isn't any more.

        A limit is waited for as long as it takes; only failures run out of patience.
        """
        if reply.status == TOO_MANY_REQUESTS:
            return max(reply.retry_after, LEAST_LIMIT_WAIT)
        if not reply.uncertain:
            raise ReplayFailed(f"{self._doing}: the server answered {reply}")
        return max(reply.retry_after, self.wait_after_failure(reply))

    def wait_after_failure(self, reply: Reply) -> float:
        """The same where another answer calls for another attempt, but not for ever."""
        self._failures += 1
        if self._failures > MOST_FAILURES:
            raise ReplayFailed(f"{self._doing}: gave up after {MOST_FAILURES} failures: {reply}")
        return float(min(FIRST_WAIT * 2 ** (self._failures - 1), LONGEST_WAIT))


class RecentAttempts:
    """The last attempts of one kind by one player, in time.monotonic() seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=CAREFUL_ATTEMPTS)

    def add(self, now: float) -> None:
        """One more attempt."""
        self._times.append(now)

    def next_careful(self) -> float:
        """When another attempt is far from looking like cheating."""
        if len(self._times) < CAREFUL_ATTEMPTS:
            return 0.0
        return self._times[0] + CAREFUL_SECONDS
