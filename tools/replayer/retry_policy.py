"""Failed calls: what they say, how long to wait before a retry, and when to give up."""

from __future__ import annotations

import json
from collections import deque

from clients.python.live_scoreboard_client import ApiError, RequestFailed

BAD_REQUEST, FORBIDDEN, TOO_MANY_REQUESTS = 400, 403, 429
MAX_FAILURES = 30
"""In a row, which takes about two minutes."""
FIRST_BACKOFF_SECONDS = 0.25
MAX_BACKOFF_SECONDS = 5.0
MIN_LIMIT_SECONDS = 1.0
"""After a 429 without Retry-After."""

SLOW_ATTEMPTS = 6
SLOW_WINDOW_SECONDS = 10.5
"""The slow pace. By default the fraud rule flags more than 8 attempts in 10 s; this is less."""


class ReplayFailed(Exception):
    """The replay can't continue; the message says why."""


def is_rate_limit(error: RequestFailed) -> bool:
    """Whether the call is accepted later, after `retry_after_seconds`."""
    return isinstance(error, ApiError) and error.status == TOO_MANY_REQUESTS


def describe(error: RequestFailed) -> str:
    """The reply in one line, or "no reply"."""
    if not isinstance(error, ApiError):
        return "no reply"
    text = f"{error.status} {error.code} {error}".strip()
    if error.status == BAD_REQUEST and error.details:
        text = f"{text} {json.dumps(error.details, ensure_ascii=False)}"
    return f"{text} (request {error.request_id})" if error.request_id else text


class RetryPolicy:
    """The delays after refused and failed calls; gives up after MAX_FAILURES in a row.

    task: what the calls are for; error messages start with it.
    """

    def __init__(self, task: str, first_backoff_seconds: float = FIRST_BACKOFF_SECONDS) -> None:
        self._task = task
        self._first_backoff_seconds = first_backoff_seconds
        self._failures = 0

    def reset(self) -> None:
        """A call succeeded: count failures from 0 again."""
        self._failures = 0

    def delay_after(self, error: RequestFailed) -> float:
        """Seconds until a retry; raises ReplayFailed if a retry would not help.

        A rate limit (429) may be waited for any number of times; it is not a failure.
        """
        if is_rate_limit(error):
            return max(error.retry_after_seconds, MIN_LIMIT_SECONDS)
        if not error.uncertain:
            raise ReplayFailed(f"{self._task}: the server replied {describe(error)}") from error
        return max(error.retry_after_seconds, self.delay_after_failure(error))

    def delay_after_failure(self, error: RequestFailed) -> float:
        """Seconds until a retry for an error that the caller treats as a failure.

        Doubles with each failure in a row. Raises ReplayFailed after MAX_FAILURES.
        """
        self._failures += 1
        if self._failures > MAX_FAILURES:
            reason = f"gave up after {MAX_FAILURES} failures: {describe(error)}"
            raise ReplayFailed(f"{self._task}: {reason}") from error
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
