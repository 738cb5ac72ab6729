"""One player of a replay: who it is to the server, and what it has left to play."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.replaying.api import Reply
from tools.replaying.files import Event
from tools.replaying.patience import Patience, RecentAttempts
from tools.replaying.usernames import usernames

REFRESH_AT = 0.9
"""Of an access token's life, when it is exchanged."""


@dataclass
class Credentials:
    """A pair of tokens; `access_ends` in time.monotonic() seconds."""

    access_token: str
    refresh_token: str
    access_ends: float

    @classmethod
    def of(cls, reply: Reply) -> Credentials:
        """Those that register, login and refresh answer with."""
        ends = time.monotonic() + reply.body["expiresIn"] * REFRESH_AT
        return cls(reply.body["accessToken"], reply.body["refreshToken"], ends)


@dataclass
class ActionToken:
    """A token for one point; `ends` in time.monotonic() seconds."""

    text: str
    ends: float
    doubtful: bool = False
    """An answer to it was lost: it may have been counted, and only the server can say."""


@dataclass
class Turn:
    """An event that is still to be played: its row number in the file, and the points left."""

    row: int
    at: float
    points: int


@dataclass
class Player:
    """Its state between two requests; only one thread has it at a time."""

    name: str
    username: str
    turns: deque[Turn] = field(default_factory=deque)
    user_id: str = ""
    maybe_registered: bool = False
    """An answer to its registration was lost."""
    registered: bool = False
    credentials: Credentials | None = None
    action_token: ActionToken | None = None
    careful_until: float = 0.0
    """Until then attempts are spread out; time.monotonic() seconds."""

    def __post_init__(self) -> None:
        self.patience = Patience(self.name)
        self.token_attempts = RecentAttempts()
        self.increment_attempts = RecentAttempts()


def players_of(events: Sequence[Event], suffix: str) -> list[Player]:
    """The players in the order of their first event, each with its events in the file's order."""
    names = usernames((event.player for event in events), suffix)
    players = {name: Player(name, username) for name, username in names.items()}
    for row, event in enumerate(events):
        players[event.player].turns.append(Turn(row, event.at, event.points))
    return list(players.values())
