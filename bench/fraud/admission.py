"""What admit.lua does to one player's windows and limits, in memory and with a given time."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.contract.keys import ActionKind

Limits = Mapping[ActionKind, Sequence[tuple[int, int]]]
"""Of each kind: amounts and their windows in ms."""


class Admitted(NamedTuple):
    """What the script replies of an attempt; times in ms."""

    wait: int
    """Until the limit has room; 0: the attempt was admitted."""
    attempts: int
    window_start: int
    times: Sequence[int]
    flagged: bool


class PlayerModel:
    """The keys that admit.lua keeps of one player; its times must never go back.

    It leaves out what no simulated player meets: sessions, forged and outlived tokens, and the end
    of a rhythm after ten minutes of silence.
    """

    def __init__(self, limits: Limits, fraud_window: int, rhythm_length: int) -> None:
        self._limits = limits
        self._longest = {kind: max(window for _, window in limits[kind]) for kind in limits}
        self._fraud_window = fraud_window
        self._attempts: dict[ActionKind, dict[int, int]] = {kind: {} for kind in limits}
        self._rhythms = {kind: deque[int](maxlen=rhythm_length) for kind in limits}
        self._charges = {kind: deque[int]() for kind in limits}
        self._settled: dict[ActionKind, set[int]] = {kind: set() for kind in limits}
        self._flagged_at = self._flagged_until = 0

    def admit(self, kind: ActionKind, nonce: int, now: int) -> Admitted:
        """Record and judge an attempt; the same nonce again is the same attempt."""
        attempts, rhythm = self._attempts[kind], self._rhythms[kind]
        _forget(attempts, now - self._fraud_window)
        if nonce not in attempts:
            attempts[nonce] = now
            rhythm.appendleft(now)
        flagged = self._flagged_until > now
        wait = 0
        if nonce not in self._settled[kind]:
            wait = self._wait(kind, now, flagged)
            if wait == 0:
                self._settled[kind].add(nonce)
                self._charges[kind].append(now)
        start = next(iter(attempts.values()))
        return Admitted(wait, len(attempts), start, rhythm, flagged)

    def flag(self, now: int, life: int) -> None:
        """Halve the limits for so long."""
        self._flagged_at, self._flagged_until = now, now + life

    def forget_attempts(self, kind: ActionKind, until: int) -> None:
        """What AdmissionStore.forget_attempts does after an event."""
        _forget(self._attempts[kind], until)
        self._rhythms[kind].clear()

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
    # They are in the order of their times, since those never go back.
    while attempts:
        oldest = next(iter(attempts))
        if attempts[oldest] > until:
            return
        del attempts[oldest]


def _weigh(charges: deque[int], amount: int, window: int, since: int, now: int) -> int:
    """How long until the limit has room among the charges after `since`; 0 where it has."""
    if len(charges) < amount:
        return 0
    after = [each for each in charges if each > since]
    return after[-amount] + window - now if len(after) >= amount else 0
