"""A model of admit.lua: the windows and limits of one player, in memory and with a given time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.contract.keys import ActionKind

Limits = Mapping[ActionKind, Sequence[tuple[int, int]]]
"""For each kind: amounts and their windows in ms."""


class ModelReply(NamedTuple):
    """The model's reply to an attempt; times in ms."""

    wait: int
    """Time until the limit allows one more attempt; 0 if this attempt was admitted."""
    attempts: int
    window_start: int
    attempt_times: Sequence[int]
    flagged: bool


class PlayerModel:
    """The keys that admit.lua keeps for one player; the times of the attempts must not decrease.

    It leaves out what no simulated player meets: sessions, forged and expired tokens, the
    limit of repeated tokens, and the expiry of the attempt times after ten minutes without an
    attempt.
    """

    def __init__(self, limits: Limits, fraud_window: int, attempt_times_needed: int) -> None:
        self._limits = limits
        self._longest = {kind: max(window for _, window in limits[kind]) for kind in limits}
        self._fraud_window = fraud_window
        self._attempts: dict[ActionKind, dict[int, int]] = {kind: {} for kind in limits}
        self._attempt_times = {kind: deque[int](maxlen=attempt_times_needed) for kind in limits}
        self._charges = {kind: deque[int]() for kind in limits}
        self._settled: dict[ActionKind, set[int]] = {kind: set() for kind in limits}
        self._flagged_at = self._flagged_until = 0

    def admit(self, kind: ActionKind, nonce: int, now: int) -> ModelReply:
        """Record and judge an attempt; a repeated nonce is the same attempt."""
        attempts, times = self._attempts[kind], self._attempt_times[kind]
        _forget(attempts, now - self._fraud_window)
        if nonce not in attempts:
            attempts[nonce] = now
            times.appendleft(now)
        flagged = self._flagged_until > now
        wait = 0
        if nonce not in self._settled[kind]:
            wait = self._wait(kind, now, flagged)
            if wait == 0:
                self._settled[kind].add(nonce)
                self._charges[kind].append(now)
        start = next(iter(attempts.values()))
        return ModelReply(wait, len(attempts), start, times, flagged)

    def flag(self, now: int, duration: int) -> None:
        """Halve the limits for this time in ms."""
        self._flagged_at, self._flagged_until = now, now + duration

    def forget_attempts(self, kind: ActionKind, until: int) -> None:
        """As AttemptWindows.forget does."""
        _forget(self._attempts[kind], until)
        times = self._attempt_times[kind]
        while times and times[-1] <= until:
            times.pop()

    def _wait(self, kind: ActionKind, now: int, flagged: bool) -> int:
        charges = self._charges[kind]
        while charges and charges[0] <= now - self._longest[kind]:
            charges.popleft()
        wait = 0
        for amount, window in self._limits[kind]:
            wait = max(wait, _weigh(charges, amount, window, now - window, now))
            if flagged:
                since = max(now - window, self._flagged_at)
                wait = max(wait, _weigh(charges, max(1, amount // 2), window, since, now))
        return wait


def _forget(attempts: dict[int, int], until: int) -> None:
    # The attempts are in the order of their times.
    while attempts:
        oldest = next(iter(attempts))
        if attempts[oldest] > until:
            return
        del attempts[oldest]


def _weigh(charges: deque[int], amount: int, window: int, since: int, now: int) -> int:
    """Time until the limit allows one more charge after `since`; 0 if it allows one now."""
    if len(charges) < amount:
        return 0
    after = [each for each in charges if each > since]
    return after[-amount] + window - now if len(after) >= amount else 0
