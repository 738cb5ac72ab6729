"""A player of a replay: its name and the events that it has not played yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.replayer.files import Event
from tools.replayer.retry_policy import FIRST_BACKOFF_SECONDS, RecentAttempts, RetryPolicy
from tools.replayer.usernames import usernames


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
    slow_until: float = 0.0
    """Until this time.monotonic() attempts are made at the slow pace of retry_policy."""
    attempts: RecentAttempts = field(default_factory=RecentAttempts)


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
