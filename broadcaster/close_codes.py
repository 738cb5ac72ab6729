"""Why the broadcaster closes a viewer: the code, the word for it, and when to come back."""

from __future__ import annotations

import random
from dataclasses import dataclass

from app.contract import messages
from broadcaster import frames

LEFT = 1000
"""Counted of those who close by themselves, whatever code they choose to send."""
DROPPED = 1006
"""Not sent (RFC 6455 section 7.4.1): the connection ended without a close frame."""


@dataclass(frozen=True)
class Closing:
    """One row of the catalogue; come_back is a range in ms, None: not by itself."""

    code: int
    reason: str
    come_back: tuple[int, int] | None = None

    def last_words(self) -> bytes:
        """The disconnect event and the close frame; the delay is drawn anew for each viewer."""
        # Drawn at random, so that those who were sent away together don't return together.
        delay = random.randint(*self.come_back) if self.come_back else None  # noqa: S311 - jitter
        event = messages.disconnect(self.reason, delay)
        return frames.text(event) + frames.close(self.code, self.reason)


PROTOCOL_ERROR = Closing(1002, "protocol_error")
INVALID_TEXT = Closing(1007, "invalid_text")
NONSENSE = Closing(1008, "nonsense")
TOO_MANY_MESSAGES = Closing(1008, "too_many_messages")
MESSAGE_TOO_BIG = Closing(1009, "message_too_big")
TOKEN_EXPIRED = Closing(4401, "token_expired", (0, 1_000))
"""Come back with a new token."""
DISPLAY_EXPIRED = Closing(4401, "token_expired")
"""No new token comes to a display by itself."""
SESSION_REVOKED = Closing(4401, "session_revoked")
BANNED = Closing(4403, "banned")
TOO_SLOW = Closing(4408, "too_slow", (1_000, 5_000))
TOO_MANY_CONNECTIONS = Closing(4429, "too_many_connections", (5_000, 30_000))


def shutting_down(spread_ms: int) -> Closing:
    """The end of this process; its viewers come back spread over so many ms."""
    return Closing(1001, "shutting_down", (0, spread_ms))
