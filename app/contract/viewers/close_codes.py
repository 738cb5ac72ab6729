"""The catalogue of reasons for which the broadcaster closes a viewer."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Self

from app.contract.events import Disconnect
from app.contract.limits import Ban

LEFT = 1000
"""Counted for each viewer that closed its connection, whatever code it sent."""
LOST = 1006
"""Never sent (RFC 6455, section 7.4.1): the connection ended without a close frame."""


@dataclass(frozen=True)
class CloseKind:
    """One row of the catalogue."""

    code: int
    reason: str
    reconnect_range_ms: tuple[int, int] | None = None
    """When the client may reconnect; None: not on its own."""
    ban: Ban | None = None

    def with_ban(self, ban: Ban | None) -> Self:
        """This kind for a player with that ban."""
        return replace(self, ban=ban)

    def disconnect_event(self) -> Disconnect:
        """The last event of one viewer.

        Its delay is random, so that viewers that were closed together don't reconnect together.
        """
        delay_ms = None
        if self.reconnect_range_ms:
            delay_ms = random.randint(*self.reconnect_range_ms)  # noqa: S311 - jitter
        return Disconnect(self.reason, delay_ms, self.ban)


PROTOCOL_ERROR = CloseKind(1002, "protocol_error")
INVALID_TEXT = CloseKind(1007, "invalid_text")
BINARY_MESSAGE = CloseKind(1008, "nonsense")
TOO_MANY_MESSAGES = CloseKind(1008, "too_many_messages")
MESSAGE_TOO_BIG = CloseKind(1009, "message_too_big")
TOKEN_EXPIRED = CloseKind(4401, "token_expired", (0, 1_000))
"""The client reconnects with a new token."""
DISPLAY_EXPIRED = CloseKind(4401, "token_expired")
"""A display can't renew its token; an operator has to issue a new one."""
SESSION_REVOKED = CloseKind(4401, "session_revoked")
BANNED = CloseKind(4403, "banned")
TOO_SLOW = CloseKind(4408, "too_slow", (1_000, 5_000))
TOO_MANY_CONNECTIONS = CloseKind(4429, "too_many_connections", (5_000, 30_000))


def shutting_down(spread_ms: int) -> CloseKind:
    """This process ends; its viewers reconnect within `spread_ms`."""
    return CloseKind(1001, "shutting_down", (0, spread_ms))
