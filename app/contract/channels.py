"""The messages on Redis channels, one type for each channel."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, get_args

from app.contract import keys
from app.contract.limits import Ban
from app.contract.messages import MessageInvalid
from app.contract.standings import MAIN, BoardPeriod
from app.contract.viewers.board_delta import BoardDelta
from app.contract.viewers.reveals import Move

EndReason = Literal["revoked", "banned"]

MAX_TEXT_LENGTH = 1_000
"""The longest text for viewers that is accepted. This system publishes shorter ones."""
_UNREADABLE = (
    *(ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, OSError, RecursionError),
)
"""The exceptions of int(), of json.loads(), of reading its result and of converting a time."""


class ChannelMessage(ABC):
    """A message on the Redis channel `channel`."""

    channel: ClassVar[str]

    @classmethod
    def parse(cls, payload: str) -> Self:
        """The message in a payload of this channel; raises MessageInvalid."""
        try:
            return cls._parse(payload)
        except _UNREADABLE as error:
            raise MessageInvalid(f"not a message of {cls.channel}") from error

    @classmethod
    @abstractmethod
    def _parse(cls, payload: str) -> Self:
        """As parse(), but raises _UNREADABLE."""


@dataclass(frozen=True)
class ScoreUpdate(ChannelMessage):
    """A change was applied to the rank index. Published by apply.lua, and for each revealed step.

    Boards other than `main` of all time have channels of their own: score_update_channel().
    """

    channel = keys.SCORE_UPDATE

    version: int
    """The board version after the change. It grows only if the top ten may have changed."""
    moves: tuple[Move, ...] = ()
    """What a step of a reveal has shown, in order. Published after the step was applied."""
    delta: BoardDelta | None = None
    """How the board of this version follows from the one before; None if it has to be read."""

    def dump(self) -> str:
        """The payload of a step of a reveal; the previous version of the system ignores `moves`."""
        return json.dumps(
            {"version": self.version, "moves": [move.as_json() for move in self.moves]}
        )

    @classmethod
    def _parse(cls, payload: str) -> Self:
        message = json.loads(payload)
        moves = tuple(Move.from_json(move) for move in message.get("moves", ()))
        if moves:
            # Raises for half of a surrogate pair, which no frame can have.
            json.dumps([move.as_json() for move in moves], ensure_ascii=False).encode()
        version, delta = _version(message["version"]), message.get("change")
        return cls(version, moves, None if delta is None else BoardDelta.from_json(version, delta))


@dataclass(frozen=True)
class CacheInvalidate(ChannelMessage):
    """Cached boards older than `version` are stale (flow 7). Built and published by apply.lua."""

    channel = keys.CACHE_INVALIDATE

    version: int

    @classmethod
    def _parse(cls, payload: str) -> Self:
        return cls(_version(payload))


@dataclass(frozen=True)
class SessionsEnded(ChannelMessage):
    """These sessions of a user ended; broadcasters close their viewers."""

    channel = keys.SESSIONS_ENDED

    user_id: str
    session_ids: tuple[str, ...]
    reason: EndReason
    ban: Ban | None = None
    """None if another reason ended them, and from a version before this field."""

    def dump(self) -> str:
        """The payload to publish."""
        message: dict[str, Any] = {
            "userId": self.user_id,
            "sessionIds": self.session_ids,
            "reason": self.reason,
        }
        if self.ban is not None:
            message["ban"] = (self.ban.at, self.ban.until)
            # Beside it, because the version before reads a ban of two parts.
            if self.ban.reason is not None:
                message["banReason"] = self.ban.reason
        return json.dumps(message)

    @classmethod
    def _parse(cls, payload: str) -> Self:
        message = json.loads(payload)
        user_id, session_ids, reason = message["userId"], message["sessionIds"], message["reason"]
        if not isinstance(session_ids, list) or reason not in get_args(EndReason):
            raise ValueError(f"sessions of type {type(session_ids).__name__} ended as {reason!r}")
        return cls(str(user_id), tuple(map(str, session_ids)), reason, _ban(message))


@dataclass(frozen=True)
class ServerShutdown(ChannelMessage):
    """An API server shuts down (flow 10)."""

    channel = keys.SERVER_SHUTDOWN

    instance: str

    def dump(self) -> str:
        """The payload to publish."""
        return json.dumps({"instance": self.instance})

    @classmethod
    def _parse(cls, payload: str) -> Self:
        return cls(_text(json.loads(payload)["instance"]))


def _ban(message: Mapping[str, Any]) -> Ban | None:
    if message.get("ban") is None:
        return None
    at, until = message["ban"]
    reason = message.get("banReason")
    ban = Ban(int(at), None if until is None else int(until), reason and _text(reason))
    ban.as_json()  # Raises for a time that can't be formatted.
    return ban


def _text(value: Any) -> str:
    text = str(value)
    text.encode()  # Raises for half of a surrogate pair, which JSON can name and no frame can have.
    if len(text) > MAX_TEXT_LENGTH:
        raise ValueError("a text for viewers is short")
    return text


def _version(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError("a version is not negative")
    return number


CHANNELS: dict[str, type[ChannelMessage]] = {
    message.channel: message
    for message in (ScoreUpdate, CacheInvalidate, SessionsEnded, ServerShutdown)
}
"""Every Redis channel of the system and the type of its messages."""


def score_update_channel(watched: BoardPeriod) -> str:
    """The channel on which the changes of this board and period are announced as ScoreUpdate."""
    if watched == MAIN:
        return keys.SCORE_UPDATE
    return f"{keys.SCORE_UPDATE}:{watched.board}:{watched.period}"


def of_database(channel: str, database: int) -> str:
    """The channel's name for the processes that use that database of a Redis.

    Redis delivers messages to subscribers of all databases. Database 0 has the plain names.
    """
    return f"{channel}:{database}" if database else channel
