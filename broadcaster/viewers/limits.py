"""The limits of one broadcaster process: its configuration and the algorithm for rates."""

from __future__ import annotations

from dataclasses import dataclass

from config.settings import BroadcasterSettings

BURST_SECONDS = 2
"""After a pause a viewer may send as many messages at once as it may send in this time."""


class RateExceeded(Exception):
    """The rate does not allow one more."""


@dataclass(frozen=True)
class Rate:
    """A rate limit by the generic cell rate algorithm (ITU-T I.371).

    It allows `per_second`, and `burst` of them at once. Its caller stores a single number for
    each counted subject: the time until which everything so far is paid for, in monotonic
    seconds, at first 0.
    """

    per_second: int
    burst: int

    def charge(self, paid_until: float, now: float) -> float:
        """The number to store after one more; raises RateExceeded, which charges nothing."""
        paid_until = max(paid_until, now) + 1 / self.per_second
        # A tolerance of a thousandth, for rounding errors.
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


def configured_limits(settings: BroadcasterSettings) -> ViewerLimits:
    """The limits as configured."""
    handshakes, messages = settings.new_viewers_per_second, settings.messages_per_second
    return ViewerLimits(
        settings.max_viewers,
        settings.max_viewers_per_user,
        settings.max_viewers_per_address,
        Rate(handshakes, handshakes),
        settings.max_message_bytes,
        Rate(messages, messages * BURST_SECONDS),
    )
