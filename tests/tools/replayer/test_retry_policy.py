"""Retries, and the pace that stays below the fraud rule."""

from __future__ import annotations

import pytest

from clients.python.live_scoreboard_client import ApiError
from tools.replayer.retry_policy import (
    MAX_BACKOFF_SECONDS,
    MAX_FAILURES,
    RecentAttempts,
    ReplayFailed,
    RetryPolicy,
)


def test_failures_in_a_row_are_limited_but_waits_for_a_rate_limit_are_not() -> None:
    policy = RetryPolicy("Ann")
    limited, failed = ApiError(429, {}, 7), ApiError(503, {"code": "REDIS_UNAVAILABLE"}, 0)
    delays = [policy.delay_after(failed) for _ in range(MAX_FAILURES)]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_BACKOFF_SECONDS
    assert all(policy.delay_after(limited) == 7 for _ in range(100))
    with pytest.raises(ReplayFailed, match=r"Ann: gave up .* 503 REDIS_UNAVAILABLE"):
        policy.delay_after(failed)


def test_a_refusal_that_a_retry_would_not_change_ends_the_replay() -> None:
    body = {"code": "VALIDATION_ERROR", "message": "Too short", "requestId": "r1"}
    with pytest.raises(ReplayFailed, match=r"400 VALIDATION_ERROR Too short \(request r1\)"):
        RetryPolicy("Ann").delay_after(ApiError(400, body, 0))


def test_a_retry_after_longer_than_the_backoff_is_used() -> None:
    assert RetryPolicy("Ann").delay_after(ApiError(503, {}, 9)) == 9


def test_the_slow_pace_is_never_more_than_8_attempts_in_10_seconds() -> None:
    attempts, now, times = RecentAttempts(), 100.0, []
    for _ in range(100):
        now = max(now + 0.01, attempts.next_slow_attempt())
        attempts.add(now)
        times.append(now)
    busiest = max(sum(start <= at < start + 10 for at in times) for start in times)
    assert 0 < busiest <= 8
