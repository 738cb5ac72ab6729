"""Limits of requests and bans of players, which several rooms enforce or show."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.contract.standings import timestamp

MAX_BATCH_BYTES = 256 * 1024
"""The same for a batch of 500 scores."""
MAX_BODY_BYTES = 16 * 1024
"""The longest request body that the API accepts; a longer one is answered with 413."""


class RateLimitStatus(NamedTuple):
    """The state of a rate limit: its size, what remains, and when the oldest charge expires."""

    limit: int
    remaining: int
    reset_at: int
    """Unix time in seconds."""
    retry_after: int
    """Seconds until one more request is allowed; 0 if one is allowed now."""


class Ban(NamedTuple):
    """What a banned player may know of the ban: its times, in ms since 1970.

    The reason is not part of it: it is written for the audit trail, and a fraud rule's reason has
    the limits of the rule (docs/decisions/0006-moderation.md).
    """

    at: int
    """When the ban began or was last changed."""
    until: int | None
    """None: until a moderator ends it."""

    @classmethod
    def stored(cls, at: int, until: int) -> Ban | None:
        """From the stored form, in which 0 stands for no time; None without a known beginning."""
        return cls(at, until or None) if at else None

    def as_json(self) -> dict[str, Any]:
        """The `details` of replies and events that tell the player of the ban."""
        until = None if self.until is None else timestamp(self.until)
        return {"bannedAt": timestamp(self.at), "until": until}
