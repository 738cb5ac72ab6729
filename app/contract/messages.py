"""Messages on Redis channels and frames to viewers: one shape and one builder each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from app.contract.standings import Board, OwnStanding, timestamp

ROOM = "leaderboard"
SUBPROTOCOL = "bearer"
"""Offered by browsers before the token: `Sec-WebSocket-Protocol: bearer, <token>`."""

EndReason = Literal["revoked", "banned"]


@dataclass(frozen=True)
class ScoreUpdate:
    """Published on score_update after every applied change, by place.lua, which builds it."""

    version: int
    """The board's version after the change; it is raised where the top ten may have changed."""

    @classmethod
    def parse(cls, payload: str) -> ScoreUpdate:
        return cls(int(json.loads(payload)["version"]))


@dataclass(frozen=True)
class CacheInvalidate:
    """Published on cache:invalidate by place.lua: boards before `version` are stale (flow 7)."""

    version: int

    @classmethod
    def parse(cls, payload: str) -> CacheInvalidate:
        return cls(int(payload))


@dataclass(frozen=True)
class SessionsEnded:
    """Published on sessions:ended: the sockets of these sessions have to close."""

    user_id: str
    session_ids: tuple[str, ...]
    reason: EndReason

    def dump(self) -> str:
        return json.dumps(
            {"userId": self.user_id, "sessionIds": self.session_ids, "reason": self.reason}
        )

    @classmethod
    def parse(cls, payload: str) -> SessionsEnded:
        message = json.loads(payload)
        return cls(message["userId"], tuple(message["sessionIds"]), message["reason"])


@dataclass(frozen=True)
class ServerShutdown:
    """Published on server:shutdown: an API server goes (flow 10)."""

    instance: str

    def dump(self) -> str:
        return json.dumps({"instance": self.instance})

    @classmethod
    def parse(cls, payload: str) -> ServerShutdown:
        return cls(str(json.loads(payload)["instance"]))


def connected(user_id: str, heartbeat_seconds: int, token_expires_in: int) -> str:
    """The first frame a viewer gets."""
    data = {
        "userId": user_id,
        "room": ROOM,
        "heartbeatSeconds": heartbeat_seconds,
        "tokenExpiresIn": token_expires_in,
    }
    return _event("connected", data)


def leaderboard_update(board: Board) -> str:
    """The top ten; the second frame a viewer gets, then one on each change."""
    data = {
        "version": board.version.number,
        "updatedAt": timestamp(board.version.updated_at),
        "committedAt": timestamp(board.version.committed_at),
        "leaderboard": [row.as_json() for row in board.rows],
    }
    return _event("leaderboard_update", data)


def server_shutdown(instance: str) -> str:
    """An API server goes; viewers stay where they are."""
    return _event("server_shutdown", {"instance": instance})


def rank_update(own: OwnStanding, version: int) -> str:
    """A player's own score and rank, for a viewer who sent {type: "watch_me"}."""
    return _event("rank_update", {"score": own.score, "rank": own.rank, "version": version})


def disconnect(reason: str, reconnect_in_ms: int | None) -> str:
    """What a viewer is told before the broadcaster closes; None: don't come back by yourself."""
    return _event("disconnect", {"reason": reason, "reconnectInMs": reconnect_in_ms})


def error(code: str, message: str) -> str:
    """The answer to a message that can't be used."""
    return _event("error", {"code": code, "message": message})


def pong() -> str:
    """The answer to {type: "ping"}."""
    return json.dumps({"event": "pong"})


def _event(name: str, data: dict[str, Any]) -> str:
    return json.dumps({"event": name, "data": data}, ensure_ascii=False, separators=(",", ":"))
