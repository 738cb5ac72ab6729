"""What viewers send to the broadcaster: the subprotocol of the handshake and the commands."""

from __future__ import annotations

import json
from dataclasses import dataclass

from app.contract.messages import MessageInvalid

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


Command = Ping | WatchMe | Auth


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
        case _:
            raise MessageInvalid("not a command")
