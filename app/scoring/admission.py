"""Admission: session, ban, fraud window, rate limit and token of an attempt, judged in Redis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import redis
from limits import RateLimitItem

from app.accounts.session_cache import cached_ban
from app.concurrency.batching import BatchedCall
from app.contract import keys
from app.contract.keys import ActionKind
from app.contract.limits import Ban, RateLimitStatus
from app.fraud.attempt_window import AttemptWindow
from app.storage.lua_script import Call, read_script
from app.storage.redis import redis_errors

Purpose = Literal["issue", "spend", "refuse"]
Verdict = Literal["admitted", "limited", "refused"]
DenialReason = Literal["revoked", "banned", "unknown"]


class Attempt(NamedTuple):
    """One authenticated request for a token or for a point."""

    user_id: str
    session_id: str
    kind: ActionKind
    purpose: Purpose
    nonce: str
    """Requests with the same nonce are one attempt."""
    issued_at: int = 0
    """ms since 1970, of a token that is spent."""


class Admission(NamedTuple):
    """The reply of admit.lua; times in ms since 1970."""

    verdict: Verdict
    issued_at: int
    rate_limit: RateLimitStatus
    window: AttemptWindow
    flagged: bool


@dataclass(frozen=True)
class AccessDenied:
    """The attempt was denied before anything was recorded."""

    reason: DenialReason
    ban: Ban | None = None


class AdmissionStore:
    """Runs admit.lua, in one round trip for all attempts of a batch of requests."""

    def __init__(
        self,
        client: redis.Redis,
        limits: dict[ActionKind, tuple[RateLimitItem, ...]],
        fraud_window_ms: int,
        token_lifetime_ms: int,
        attempt_times_needed: int,
    ) -> None:
        """`attempt_times_needed`: the number of attempts whose times are kept for the rules."""
        self._client = client
        self._admit_script = read_script(client, "scoring", "admit")
        self._admit = BatchedCall(self._admit_batch)
        self._limits = {kind: _pairs(items) for kind, items in limits.items()}
        self._fraud_window_ms = fraud_window_ms
        self._token_lifetime_ms = token_lifetime_ms
        self._attempt_times_needed = attempt_times_needed

    def admit(self, attempt: Attempt) -> Admission | AccessDenied:
        """Record and judge the attempt; raises RedisUnavailable.

        After AccessDenied "unknown", cache the session and the account and try again.
        """
        user_id = attempt.user_id
        names = [
            keys.session(user_id, attempt.session_id),
            keys.account(user_id),
            keys.attempts(user_id, attempt.kind),
            keys.charges(user_id, attempt.kind),
            keys.action_token(user_id, attempt.nonce),
            keys.attempt_times(user_id, attempt.kind),
            keys.repeats(user_id),
        ]
        arguments: list[str | int] = [
            attempt.purpose,
            attempt.nonce,
            self._fraud_window_ms,
            self._token_lifetime_ms,
            attempt.issued_at,
            self._attempt_times_needed,
            *self._limits[attempt.kind],
        ]
        with redis_errors():
            reply = self._admit((names, arguments))
        if reply[0] in get_args(DenialReason):
            reason, *ban = reply
            return AccessDenied(reason, cached_ban(*ban) if ban else None)
        return _admission(reply)

    def forget_repeat(self, user_id: str, at: int) -> None:
        """Remove the repeat that was admitted at that time, if the attempt was a repeat.

        Raises RedisUnavailable.
        """
        with redis_errors():
            self._client.lrem(keys.repeats(user_id), 1, str(at))

    def _admit_batch(self, calls: Sequence[Call]) -> list[Any]:
        return self._admit_script.call_batch(calls)


def _pairs(items: Sequence[RateLimitItem]) -> list[int]:
    return [number for item in items for number in (item.amount, item.get_expiry() * 1000)]


def _admission(reply: list[Any]) -> Admission:
    verdict, now, attempts, amount, remaining, reset, retry, issued_at, start, flagged, times = (
        reply
    )
    rate_limit = RateLimitStatus(
        limit=amount,
        remaining=remaining,
        reset_at=math.ceil(reset / 1000),
        retry_after=math.ceil(retry / 1000),
    )
    window = AttemptWindow(attempts, int(start), now, tuple(map(int, times)))
    return Admission(verdict, issued_at, rate_limit, window, bool(flagged))
