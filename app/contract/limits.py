"""Limits of requests and bans of players, which several rooms enforce or show."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from app.contract.standings import timestamp

MAX_BODY_BYTES = 16 * 1024
"""The longest request body that the API accepts; a longer one is answered with 413."""
MAX_BATCH_BYTES = 256 * 1024
"""The longest body of POST /service/scores, which has up to 500 acts."""
FIRST_YEAR, LAST_YEAR = 1970, 9998
"""The years of the moments that clients and operators may name."""
SUPPORTED_YEARS = f"In the years {FIRST_YEAR} to {LAST_YEAR}."
"""The message for a moment of another year."""

AUTOMATIC_BAN = "automatic-check"
"""The public reason of every ban by a fraud rule, which says nothing of the rules."""


def is_supported(day: date) -> bool:
    """Whether a day, or a moment, can be named by clients and operators.

    In the time zone of a board or of PostgreSQL, others may lie outside the years that Python has.
    """
    return FIRST_YEAR <= day.year <= LAST_YEAR


class RateLimitStatus(NamedTuple):
    """The state of a rate limit: its size, what remains, and when the oldest charge expires."""

    limit: int
    remaining: int
    reset_at: int
    """Unix time in seconds."""
    retry_after: int
    """Seconds until one more request is allowed; 0 if one is allowed now."""


class Ban(NamedTuple):
    """The part of a ban that the player is shown; times in ms since 1970.

    The reason in the audit trail is not part of it: it may name other people, and a fraud rule's
    reason has the limits of the rule (docs/decisions/0006-moderation.md).
    """

    at: int
    """When the ban began or was last changed."""
    until: int | None
    """None: until a moderator ends it."""
    reason: str | None = None
    """What the moderator tells the player, or AUTOMATIC_BAN; None: nothing."""

    @classmethod
    def stored(cls, at: int, until: int, reason: str) -> Ban | None:
        """From the stored form, in which 0 and "" stand for none; None without a beginning."""
        return cls(at, until or None, reason or None) if at else None

    def as_json(self) -> dict[str, Any]:
        """The `details` of replies and events that tell the player of the ban."""
        until = None if self.until is None else timestamp(self.until)
        return {"bannedAt": timestamp(self.at), "until": until, "reason": self.reason}
