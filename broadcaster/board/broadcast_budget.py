"""How often boards are sent: the configured interval, or longer if all of them take too much."""

from __future__ import annotations

from broadcaster.metrics import BROADCAST_INTERVAL

BROADCAST_SHARE = 0.6
"""Share of a core for broadcasting; the rest is for handshakes and for what viewers send."""
READ_CPU_SECONDS = 0.001
"""CPU time to read and encode a board; an estimate, because other greenlets run in a read."""


class BroadcastBudget:
    """The shortest time between two boards, the same for all boards that change at this time.

    If boards of together S seconds of CPU change all the time, each is sent every
    S / BROADCAST_SHARE seconds, but not more often than configured.
    """

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._sent: dict[object, tuple[float, float]] = {}

    def charge(self, board: object, cpu_seconds: float, now: float) -> float:
        """The seconds until this board may be sent again, after it was sent; `now` monotonic."""
        # A board that has not been sent for two intervals does not use its share now.
        self._sent = {each: sent for each, sent in self._sent.items() if sent[1] > now}
        costs = cpu_seconds + READ_CPU_SECONDS
        costs += sum(others for each, (others, _) in self._sent.items() if each is not board)
        interval_seconds = max(self._interval_seconds, costs / BROADCAST_SHARE)
        self._sent[board] = cpu_seconds + READ_CPU_SECONDS, now + 2 * interval_seconds
        BROADCAST_INTERVAL.set(interval_seconds)
        return interval_seconds
