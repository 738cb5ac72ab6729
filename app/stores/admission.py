"""Admission of one attempt in Redis: session, ban, fraud window, limit and token in one step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import redis
from limits import RateLimitItem

from app.contract import keys
from app.contract.errors import Allowance
from app.contract.keys import ActionKind
from app.gathering import SharedCall
from app.stores.lua_script import Call, read_script
from app.stores.redis import translated

Purpose = Literal["issue", "spend", "refuse"]
Verdict = Literal["admitted", "limited", "refused"]
ClosedVerdict = Literal["revoked", "banned", "unknown"]


class Attempt(NamedTuple):
    """One authenticated request: who, for what, and the nonce that makes it the same again."""

    user_id: str
    session_id: str
    kind: ActionKind
    purpose: Purpose
    nonce: str
    issued_at: int = 0
    """ms since 1970, of a token that is spent."""


class Window(NamedTuple):
    """The attempts of one kind that the fraud rules judge; times in ms of Redis' clock."""

    attempts: int
    """In the window of seconds, this one included."""
    start: int
    """When the first of them came."""
    now: int
    times: tuple[int, ...]
    """Of the last attempts, newest first; empty unless a rule needs them."""


class Admission(NamedTuple):
    """What the script found; times in ms since 1970."""

    verdict: Verdict
    issued_at: int
    allowance: Allowance
    window: Window
    flagged: bool


@dataclass(frozen=True)
class Closed:
    """The attempt was turned away before anything was recorded."""

    verdict: ClosedVerdict


class AdmissionStore:
    """Runs admit.lua, in one round trip for all attempts that come side by side."""

    def __init__(
        self,
        client: redis.Redis,
        limits: dict[ActionKind, tuple[RateLimitItem, ...]],
        fraud_window_ms: int,
        token_life_ms: int,
        rhythm_length: int,
    ) -> None:
        self._client = client
        self._admit = read_script(client, "admit")
        self._ask = SharedCall(self._ask_together)
        self._rhythm_length = rhythm_length
        self._limits = {kind: _pairs(items) for kind, items in limits.items()}
        self._fraud_window_ms = fraud_window_ms
        self._token_life_ms = token_life_ms

    def admit(self, attempt: Attempt) -> Admission | Closed:
        """Record and judge the attempt; raises RedisUnavailable.

        After "unknown" remember the session and the account, and try again.
        """
        user_id = attempt.user_id
        names = [
            keys.session(user_id, attempt.session_id),
            keys.account(user_id),
            keys.attempts(user_id, attempt.kind),
            keys.charges(user_id, attempt.kind),
            keys.action_token(user_id, attempt.nonce),
            keys.rhythm(user_id, attempt.kind),
        ]
        arguments: list[str | int] = [
            attempt.purpose,
            attempt.nonce,
            self._fraud_window_ms,
            self._token_life_ms,
            attempt.issued_at,
            self._rhythm_length,
            *self._limits[attempt.kind],
        ]
        with translated():
            reply = self._ask((names, arguments))
        return Closed(reply[0]) if len(reply) == 1 else _admission(reply)

    def _ask_together(self, calls: Sequence[Call]) -> list[Any]:
        return self._admit.together(calls)

    def forget_attempts(self, user_id: str, kind: ActionKind, until: int) -> None:
        """Take the attempts up to that time out of the fraud window: they have been judged."""
        with translated(), self._client.pipeline(transaction=False) as pipeline:
            pipeline.zremrangebyscore(keys.attempts(user_id, kind), "-inf", until)
            pipeline.delete(keys.rhythm(user_id, kind))
            pipeline.execute()


def _pairs(items: Sequence[RateLimitItem]) -> list[int]:
    return [number for item in items for number in (item.amount, item.get_expiry() * 1000)]


def _admission(reply: list[Any]) -> Admission:
    verdict, now, attempts, amount, remaining, reset, retry, issued_at, start, flagged, times = (
        reply
    )
    allowance = Allowance(
        limit=amount,
        remaining=remaining,
        reset_at=math.ceil(reset / 1000),
        retry_after=math.ceil(retry / 1000),
    )
    window = Window(attempts, int(start), now, tuple(map(int, times)))
    return Admission(verdict, issued_at, allowance, window, bool(flagged))
