"""The rules: small objects that look at one attempt's surroundings and say why it looks wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import fmean
from typing import Any, Protocol

from app.contract.keys import ActionKind


@dataclass(frozen=True)
class Observation:
    """What there is to judge of one attempt; times in ms."""

    kind: ActionKind
    attempts: int
    """Of this kind in the window of seconds, this one and refused ones included."""
    window_start: int
    now: int
    times: Sequence[int] = ()
    """Of the last attempts, newest first."""
    accounts: int = 0
    """That acted from the same address within a minute."""


@dataclass(frozen=True)
class Finding:
    """Why a rule fired, in words, and what it saw."""

    rule: str
    reason: str
    evidence: Mapping[str, Any]
    since: int
    """Time in ms of the oldest it rests on; an event of the same rule since then has judged it."""


class Rule(Protocol):
    """Judges an observation by itself; knows no user, no store and no consequence."""

    def judge(self, observation: Observation) -> Finding | None:
        """What is wrong with it, None where nothing is."""


@dataclass(frozen=True)
class RapidRequests:
    """Rule 1: more than `most` attempts of one kind in `seconds` (flow 6)."""

    most: int
    seconds: int

    def judge(self, observation: Observation) -> Finding | None:
        if observation.attempts <= self.most:
            return None
        reason = (
            f"{observation.attempts} {observation.kind} requests within {self.seconds} s,"
            f" where {self.most} are allowed"
        )
        evidence = {
            "attempts": observation.attempts,
            "most": self.most,
            "windowSeconds": self.seconds,
            "firstAt": observation.window_start,
            "lastAt": observation.now,
        }
        return Finding("rapid_requests", reason, evidence, observation.window_start)


@dataclass(frozen=True)
class Clockwork:
    """The intervals of the last `attempts` attempts hardly vary, as a script's do.

    Measured by the coefficient of variation: standard deviation over mean of the intervals. It
    fires below `variation`.
    """

    attempts: int
    variation: float

    def judge(self, observation: Observation) -> Finding | None:
        if len(observation.times) < self.attempts:
            return None
        intervals = [later - earlier for later, earlier in pairwise(observation.times)]
        mean = fmean(intervals)
        # pstdev reckons in fractions, which takes forty times as long.
        deviation = sqrt(fmean([(interval - mean) ** 2 for interval in intervals]))
        measured = deviation / mean if mean > 0 else 0.0
        if measured >= self.variation:
            return None
        reason = (
            f"The last {self.attempts} {observation.kind} requests came every {mean / 1000:.2f} s"
            f" with a variation of {measured:.1%}, as a script's do"
        )
        evidence = {
            "intervalsMs": intervals,
            "variation": round(measured, 4),
            "threshold": self.variation,
        }
        return Finding("clockwork", reason, evidence, observation.times[-1])


@dataclass(frozen=True)
class Crowd:
    """More than `most` accounts act from one address within `seconds`."""

    most: int
    seconds: int

    def judge(self, observation: Observation) -> Finding | None:
        if observation.accounts <= self.most:
            return None
        reason = (
            f"{observation.accounts} accounts acted from one address within {self.seconds} s,"
            f" where {self.most} are allowed"
        )
        evidence = {
            "accounts": observation.accounts,
            "most": self.most,
            "windowSeconds": self.seconds,
        }
        return Finding("crowd", reason, evidence, observation.now - self.seconds * 1000)
