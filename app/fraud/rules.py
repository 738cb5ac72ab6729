"""The fraud rules: each looks at one attempt and those around it, and says why it looks wrong."""

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
    """What the rules can see of one attempt; times in ms of Redis' clock."""

    kind: ActionKind
    attempts: int
    """Number of attempts of this kind in the window, this one and refused ones included."""
    window_start: int
    now: int
    attempt_times: Sequence[int] = ()
    """Times of the last attempts, newest first."""
    accounts: int = 0
    """Number of accounts that acted from the same address within a minute."""


@dataclass(frozen=True)
class Finding:
    """Why a rule fired, as a sentence and as evidence."""

    rule: str
    """The rule's name in fraud events and metrics."""
    reason: str
    evidence: Mapping[str, Any]
    since: int
    """Time in ms of the oldest attempt that the finding rests on.

    An event of the same rule that was written for an attempt since then has already judged it.
    """


class Rule(Protocol):
    """Judges an observation alone, without access to users, stores and sanctions."""

    def judge(self, observation: Observation) -> Finding | None:
        """What is wrong with the attempt; None if nothing is."""


@dataclass(frozen=True)
class RapidRequests:
    """Rule 1: more than `max_attempts` attempts of one kind in `seconds` (flow 6)."""

    max_attempts: int
    seconds: int

    def judge(self, observation: Observation) -> Finding | None:
        if observation.attempts <= self.max_attempts:
            return None
        reason = (
            f"{observation.attempts} {observation.kind} requests within {self.seconds} s,"
            f" where {self.max_attempts} are allowed"
        )
        evidence = {
            "attempts": observation.attempts,
            "most": self.max_attempts,
            "windowSeconds": self.seconds,
            "firstAt": observation.window_start,
            "lastAt": observation.now,
        }
        return Finding("rapid_requests", reason, evidence, observation.window_start)


@dataclass(frozen=True)
class RegularIntervals:
    """The rule `clockwork`: the intervals of the last `attempts` attempts are nearly equal.

    The measure is the coefficient of variation, which is the standard deviation of the intervals
    divided by their mean. The rule fires below `min_variation`.
    """

    attempts: int
    min_variation: float

    def judge(self, observation: Observation) -> Finding | None:
        if len(observation.attempt_times) < self.attempts:
            return None
        intervals = [later - earlier for later, earlier in pairwise(observation.attempt_times)]
        mean = fmean(intervals)
        # statistics.pstdev computes with fractions, which takes forty times as long.
        deviation = sqrt(fmean([(interval - mean) ** 2 for interval in intervals]))
        variation = deviation / mean if mean > 0 else 0.0
        if variation >= self.min_variation:
            return None
        reason = (
            f"The last {self.attempts} {observation.kind} requests came every {mean / 1000:.2f} s"
            f" with a variation of {variation:.1%}, as a script's do"
        )
        evidence = {
            "intervalsMs": intervals,
            "variation": round(variation, 4),
            "threshold": self.min_variation,
        }
        return Finding("clockwork", reason, evidence, observation.attempt_times[-1])


@dataclass(frozen=True)
class SharedAddress:
    """The rule `crowd`: more than `max_accounts` accounts act from one address in `seconds`."""

    max_accounts: int
    seconds: int

    def judge(self, observation: Observation) -> Finding | None:
        if observation.accounts <= self.max_accounts:
            return None
        reason = (
            f"{observation.accounts} accounts acted from one address within {self.seconds} s,"
            f" where {self.max_accounts} are allowed"
        )
        evidence = {
            "accounts": observation.accounts,
            "most": self.max_accounts,
            "windowSeconds": self.seconds,
        }
        return Finding("crowd", reason, evidence, observation.now - self.seconds * 1000)
