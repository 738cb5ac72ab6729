"""What viewers send to the broadcaster: the subprotocol of the handshake and the commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.contract.messages import MessageInvalid
from app.contract.standings import MAIN

SUBPROTOCOL = "bearer"
"""Browsers offer it before the token: `Sec-WebSocket-Protocol: bearer, <token>`."""


@dataclass(frozen=True)
class Ping:
    """{"type": "ping"}: asks for a pong event."""


@dataclass(frozen=True)
class WatchMe:
    """{"type": "watch_me"}: asks for rank updates of the viewer's own user."""


@dataclass(frozen=True)
class Auth:
    """{"type": "auth", "token": ...}: continues with a newer token."""

    token: str


@dataclass(frozen=True)
class Watch:
    """{"type": "watch", "board": ..., "period": ...}: watches another board, period or both."""

    board: str
    """Its key; `main` if the message names none."""
    period: str | None
    """None, if the message names none: the first period of the board."""


Command = Ping | WatchMe | Auth | Watch


def parse_command(text: str) -> Command:
    """The command in a text message of a viewer; raises MessageInvalid."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MessageInvalid("not JSON") from error
    match message:
        case {"type": "ping"}:
            return Ping()
        case {"type": "watch_me"}:
            return WatchMe()
        case {"type": "auth", "token": str(token)}:
            return Auth(token)
        case {"type": "watch", **fields}:
            return _watch(fields)
        case _:
            raise MessageInvalid("not a command")


def _watch(fields: Mapping[Any, Any]) -> Watch:
    board, period = fields.get("board", MAIN.board), fields.get("period")
    if not isinstance(board, str) or not isinstance(period, str | None):
        raise MessageInvalid("not a board and a period")
    return Watch(board, period)
