"""NEW_VIEWERS_PER_SECOND, shared by the addresses that connect at the same time."""

from __future__ import annotations

from collections import Counter

from broadcaster.viewers.limits import Rate


class HandshakeBudget:
    """Limits the handshakes of the process; no address can keep the others out.

    Half of the burst is reserved for addresses that have had less than their share of this
    second. An address that connects alone may use the whole rate, but only half of the burst.
    """

    def __init__(self, rate: Rate) -> None:
        self._full = rate
        self._unreserved = Rate(rate.per_second, max(1, rate.burst // 2))
        self._paid_until = 0.0
        self._second = 0
        self._charged: Counter[str] = Counter()
        self._addresses_before = 0

    def charge(self, address: str, now: float) -> None:
        """Charge a handshake; raises RateExceeded. `now` in monotonic seconds."""
        self._start_second(int(now))
        # A refused address also counts as one that connects, so it gets a share.
        self._charged[address] += 0
        addresses = max(len(self._charged), self._addresses_before)
        # One share is left for an address that has not connected yet.
        has_share = self._charged[address] < self._full.per_second / (addresses + 1)
        rate = self._full if has_share else self._unreserved
        self._paid_until = rate.charge(self._paid_until, now)
        self._charged[address] += 1

    def _start_second(self, second: int) -> None:
        if second == self._second:
            return
        self._addresses_before = len(self._charged) if second == self._second + 1 else 0
        self._charged.clear()
        self._second = second
