"""How much viewers may take: places in this process, and messages a second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from broadcaster.metrics import LIMIT_HITS
from config.settings import Settings

BURST_SECONDS = 2
"""A viewer that was quiet may send what so many seconds allow at once."""

PlaceLimit = Literal["max_viewers_per_user", "max_viewers_per_address"]


class RateExceeded(Exception):
    """More came than the rate allows."""


@dataclass(frozen=True)
class Rate:
    """So many a second, and `burst` of them at once; who is counted keeps a single number.

    The number is the moment until which what came is paid for (the generic cell rate algorithm,
    ITU-T I.371), in monotonic seconds; 0 to begin with.
    """

    per_second: int
    burst: int

    def charge(self, paid_until: float, now: float) -> float:
        """The number to keep after one more; raises RateExceeded, which charges nothing."""
        paid_until = max(paid_until, now) + 1 / self.per_second
        # A thousandth of one more, for what is lost in rounding.
        if paid_until - now > (self.burst + 0.001) / self.per_second:
            raise RateExceeded
        return paid_until


@dataclass(frozen=True)
class ViewerLimits:
    """All limits of one broadcaster process."""

    viewers: int
    viewers_per_user: int
    viewers_per_address: int
    handshakes: Rate
    message_bytes: int
    frames: Rate


def configured_limits(settings: Settings) -> ViewerLimits:
    """The limits that the settings ask for."""
    handshakes, messages = settings.new_viewers_per_second, settings.messages_per_second
    return ViewerLimits(
        settings.max_viewers,
        settings.max_viewers_per_user,
        settings.max_viewers_per_address,
        Rate(handshakes, handshakes),
        settings.max_message_bytes,
        Rate(messages, messages * BURST_SECONDS),
    )


class Places:
    """The viewers of this process, counted by user and by address."""

    def __init__(self, limits: ViewerLimits) -> None:
        self._limits = limits
        self._of_user: Counter[str] = Counter()
        self._from_address: Counter[str] = Counter()

    def take(self, user_id: str, address: str) -> bool:
        """Take a place; False where the user or the address has as many as it may have."""
        limit = self._reached(user_id, address)
        if limit is not None:
            LIMIT_HITS.labels(limit).inc()
            return False
        self._of_user[user_id] += 1
        self._from_address[address] += 1
        return True

    def give_back(self, user_id: str, address: str) -> None:
        """Free the place."""
        for counter, name in ((self._of_user, user_id), (self._from_address, address)):
            counter[name] -= 1
            if not counter[name]:
                del counter[name]

    def _reached(self, user_id: str, address: str) -> PlaceLimit | None:
        if self._of_user[user_id] >= self._limits.viewers_per_user:
            return "max_viewers_per_user"
        if self._from_address[address] >= self._limits.viewers_per_address:
            return "max_viewers_per_address"
        return None
