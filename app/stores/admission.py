"""Admission of one attempt in Redis: session, ban, fraud window, limit and token in one step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import redis
from limits import RateLimitItem

from app.contract import keys
from app.contract.errors import Allowance, RateLimited
from app.contract.keys import ActionKind
from app.stores.redis import script, translated

Purpose = Literal["issue", "spend", "refuse"]
Verdict = Literal["admitted", "limited", "refused", "revoked", "banned", "unknown"]


@dataclass(frozen=True)
class Attempt:
    """One authenticated request: who, for what, and the nonce that makes it the same again."""

    user_id: str
    session_id: str
    kind: ActionKind
    purpose: Purpose
    nonce: str
    issued_at: int = 0
    """ms since 1970, of a token that is spent."""


@dataclass(frozen=True)
class Admission:
    """What the script found; times in ms since 1970."""

    verdict: Verdict
    attempts: int = 0
    """Attempts of this kind in the fraud window, this one included."""
    allowance: Allowance | None = None
    issued_at: int = 0

    def refusal(self) -> RateLimited:
        """The error for a limited attempt."""
        assert self.allowance is not None
        return RateLimited(self.allowance)


class AdmissionStore:
    """Runs admit.lua, one round trip an attempt."""

    def __init__(
        self,
        client: redis.Redis,
        limits: dict[ActionKind, tuple[RateLimitItem, ...]],
        fraud_window_ms: int,
        token_life_ms: int,
    ) -> None:
        self._admit = script(client, "admit")
        self._limits = {kind: _pairs(items) for kind, items in limits.items()}
        self._fraud_window_ms = fraud_window_ms
        self._token_life_ms = token_life_ms

    def admit(self, attempt: Attempt) -> Admission:
        """Record and judge the attempt; raises RedisUnavailable.

        A verdict "unknown" has recorded nothing: remember the session's state and try again.
        """
        user_id = attempt.user_id
        names = [
            keys.session(user_id, attempt.session_id),
            keys.account(user_id),
            keys.attempts(user_id, attempt.kind),
            keys.charges(user_id, attempt.kind),
            keys.action_token(user_id, attempt.nonce),
        ]
        arguments: list[str | int] = [
            attempt.purpose,
            attempt.nonce,
            self._fraud_window_ms,
            self._token_life_ms,
            attempt.issued_at,
            *self._limits[attempt.kind],
        ]
        with translated():
            reply = self._admit(keys=names, args=arguments)
        return _admission(reply)


def _pairs(items: Sequence[RateLimitItem]) -> list[int]:
    return [number for item in items for number in (item.amount, item.get_expiry() * 1000)]


def _admission(reply: list[str | int]) -> Admission:
    verdict: Verdict = reply[0]  # type: ignore[assignment]
    if len(reply) == 1:
        return Admission(verdict)
    _, _, attempts, amount, remaining, reset_at, retry_after, issued_at = map(_number, reply)
    allowance = Allowance(
        limit=amount,
        remaining=remaining,
        reset_at=math.ceil(reset_at / 1000),
        retry_after=math.ceil(retry_after / 1000),
    )
    return Admission(verdict, attempts, allowance, issued_at)


def _number(value: str | int) -> int:
    return value if isinstance(value, int) else 0
