"""A player of a replay: its account, its tokens and the events that it has not played yet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.replayer.api import Reply
from tools.replayer.files import Event
from tools.replayer.retry_policy import FIRST_BACKOFF_SECONDS, RecentAttempts, RetryPolicy
from tools.replayer.usernames import usernames

RENEW_AT_SHARE = 0.9
"""The share of an access token's lifetime after which it is renewed."""


@dataclass
class Session:
    """A pair of tokens; `renew_at` in time.monotonic() seconds."""

    access_token: str
    refresh_token: str
    renew_at: float

    @classmethod
    def from_reply(cls, reply: Reply) -> Session:
        """From the reply to register, login or refresh."""
        renew_at = time.monotonic() + reply.body["expiresIn"] * RENEW_AT_SHARE
        return cls(reply.body["accessToken"], reply.body["refreshToken"], renew_at)


@dataclass
class ActionToken:
    """A token for one point; `expires_at` in time.monotonic() seconds."""

    text: str
    expires_at: float
    maybe_counted: bool = False
    """A reply to an increment with it was lost, so only the server knows if the point counted."""


@dataclass
class PendingEvent:
    """An event that is not played completely: its row number in the file, and the points left."""

    row: int
    at: float
    points: int


@dataclass
class Player:
    """The state of a player between two requests. Only one thread uses it at a time."""

    name: str
    username: str
    retry_policy: RetryPolicy
    pending: deque[PendingEvent] = field(default_factory=deque)
    user_id: str = ""
    maybe_registered: bool = False
    """A reply to its registration was lost."""
    registered: bool = False
    session: Session | None = None
    action_token: ActionToken | None = None
    slow_until: float = 0.0
    """Until this time.monotonic() attempts are made at the slow pace of retry_policy."""
    token_attempts: RecentAttempts = field(default_factory=RecentAttempts)
    increment_attempts: RecentAttempts = field(default_factory=RecentAttempts)


def players_of(
    events: Sequence[Event], suffix: str, first_backoff_seconds: float = FIRST_BACKOFF_SECONDS
) -> list[Player]:
    """The players in the order of their first event, each with its events in the file's order."""
    names = usernames((event.player for event in events), suffix)
    players = {
        name: Player(name, username, RetryPolicy(name, first_backoff_seconds))
        for name, username in names.items()
    }
    for row, event in enumerate(events):
        players[event.player].pending.append(PendingEvent(row, event.at, event.points))
    return list(players.values())
