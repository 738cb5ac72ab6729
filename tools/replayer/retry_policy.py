"""How long to wait before a retry, when to give up, and how to stay below the fraud rule."""

from __future__ import annotations

from collections import deque

from tools.replayer.api import TOO_MANY_REQUESTS, ReplayFailed, Reply

MAX_FAILURES = 30
"""In a row, which takes about two minutes."""
FIRST_BACKOFF_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 5.0
MIN_LIMIT_SECONDS = 1.0
"""After a 429 without Retry-After."""

SLOW_ATTEMPTS = 6
SLOW_WINDOW_SECONDS = 10.5
"""The slow pace. By default the fraud rule flags more than 8 attempts in 10 s; this is less."""


class RetryPolicy:
    """The delays after refused and failed requests; gives up after MAX_FAILURES in a row.

    task: what the requests are for; error messages start with it.
    """

    def __init__(self, task: str, first_backoff_seconds: float = FIRST_BACKOFF_SECONDS) -> None:
        self._task = task
        self._first_backoff_seconds = first_backoff_seconds
        self._failures = 0

    def reset(self) -> None:
        """A request succeeded: count failures from 0 again."""
        self._failures = 0

    def delay_after(self, reply: Reply) -> float:
        """Seconds until a retry; raises ReplayFailed if a retry would not help.

        A rate limit (429) may be waited for any number of times; it is not a failure.
        """
        if reply.status == TOO_MANY_REQUESTS:
            return max(reply.retry_after_seconds, MIN_LIMIT_SECONDS)
        if not reply.uncertain:
            raise ReplayFailed(f"{self._task}: the server replied {reply}")
        return max(reply.retry_after_seconds, self.delay_after_failure(reply))

    def delay_after_failure(self, reply: Reply) -> float:
        """Seconds until a retry for a reply that the caller treats as a failure.

        Doubles with each failure in a row. Raises ReplayFailed after MAX_FAILURES.
        """
        self._failures += 1
        if self._failures > MAX_FAILURES:
            raise ReplayFailed(f"{self._task}: gave up after {MAX_FAILURES} failures: {reply}")
        backoff = self._first_backoff_seconds * 2 ** (self._failures - 1)
        return float(min(backoff, MAX_BACKOFF_SECONDS))


class RecentAttempts:
    """The times of a player's last attempts of one kind, in time.monotonic() seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=SLOW_ATTEMPTS)

    def add(self, now: float) -> None:
        """Record an attempt."""
        self._times.append(now)

    def next_slow_attempt(self) -> float:
        """The earliest time for another attempt at the slow pace; 0 if it may be made now."""
        if len(self._times) < SLOW_ATTEMPTS:
            return 0.0
        return self._times[0] + SLOW_WINDOW_SECONDS
