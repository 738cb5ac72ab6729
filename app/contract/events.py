"""The events that the broadcaster sends to viewers, each as the JSON of one text frame."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from app.contract.limits import Ban
from app.contract.standings import MAIN, Board, BoardPeriod, OwnStanding, timestamp
from app.contract.viewers.contests import Contest
from app.contract.viewers.reveals import Move

ROOM = "leaderboard"
"""The field `room` of the event `connected`. It is a name of the contract and names no package."""


class ViewerEvent(ABC):
    """An event with data; `name` is its field "event"."""

    name: ClassVar[str]

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """The field "data" of the event."""

    def dump(self) -> str:
        """The event as compact JSON."""
        return f'{{"event":"{self.name}","data":{self.dump_data()}}}'

    def dump_data(self) -> str:
        """The field "data" as compact JSON, on one line."""
        return json.dumps(self.data(), ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Connected(ViewerEvent):
    """The first event that a viewer gets, and the answer to a token that was accepted."""

    name = "connected"

    user_id: str
    heartbeat_seconds: int
    token_expires_in: int
    """Seconds."""
    watched: BoardPeriod = MAIN

    def data(self) -> dict[str, Any]:
        return {
            "userId": self.user_id,
            "room": ROOM,
            "heartbeatSeconds": self.heartbeat_seconds,
            "tokenExpiresIn": self.token_expires_in,
            **_watched(self.watched),
        }


@dataclass(frozen=True)
class LeaderboardUpdate(ViewerEvent):
    """The top ten: the second event that a viewer gets, and sent again after each change.

    It is also the first event of a board that the viewer watches by a command.
    """

    name = "leaderboard_update"

    board: Board
    watched: BoardPeriod = MAIN

    def data(self) -> dict[str, Any]:
        version = self.board.version
        committed_at = version.committed_at
        return {
            "version": version.number,
            "updatedAt": timestamp(version.changed_at),
            **({"committedAt": timestamp(committed_at)} if committed_at else {}),
            "leaderboard": [row.as_json() for row in self.board.rows],
            **_watched(self.watched),
        }


@dataclass(frozen=True)
class RankUpdate(ViewerEvent):
    """The user's own score and rank on the watched board, for a viewer that sent watch_me."""

    name = "rank_update"

    own: OwnStanding
    version: int
    watched: BoardPeriod = MAIN

    def data(self) -> dict[str, Any]:
        own = self.own
        data = {"score": own.score, "rank": own.rank, "version": self.version}
        return {**data, **_watched(self.watched)}


@dataclass(frozen=True)
class Reveal(ViewerEvent):
    """A step of a reveal: hidden acts of a player were shown. The new board comes too."""

    name = "reveal"

    move: Move
    version: int
    """The version of the board after the step."""
    watched: BoardPeriod

    def data(self) -> dict[str, Any]:
        return {**self.move.as_json(), "version": self.version, **self.watched._asdict()}


@dataclass(frozen=True)
class ContestUpdate(ViewerEvent):
    """The clock of the board and the last step of its reveal: after the first board and changes."""

    name = "contest"

    contest: Contest
    watched: BoardPeriod

    def data(self) -> dict[str, Any]:
        return {**self.contest.as_json(), **self.watched._asdict()}


@dataclass(frozen=True)
class ServerShutdownEvent(ViewerEvent):
    """An API server shuts down; viewers stay connected (flow 10)."""

    name = "server_shutdown"

    instance: str

    def data(self) -> dict[str, Any]:
        return {"instance": self.instance}


@dataclass(frozen=True)
class Disconnect(ViewerEvent):
    """The last event before the broadcaster closes the connection."""

    name = "disconnect"

    reason: str
    reconnect_in_ms: int | None
    """None: the client must not reconnect on its own."""
    ban: Ban | None = None
    """The field "details", with the reason "banned"."""

    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = {"reason": self.reason, "reconnectInMs": self.reconnect_in_ms}
        return data if self.ban is None else data | {"details": self.ban.as_json()}


@dataclass(frozen=True)
class ErrorEvent(ViewerEvent):
    """The answer to a message that was refused."""

    name = "error"

    code: str
    message: str

    def data(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message}


class Pong:
    """The answer to a ping command; the only event without data."""

    name: ClassVar[str] = "pong"

    def dump(self) -> str:
        """The event as JSON."""
        return json.dumps({"event": self.name})


def _watched(watched: BoardPeriod) -> dict[str, str]:
    """The fields that name a board and period.

    `main` of all time has none: its messages are older than boards, and stay unchanged.
    """
    return {} if watched == MAIN else watched._asdict()
