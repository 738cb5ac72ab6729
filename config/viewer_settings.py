"""Settings of a broadcaster's viewers."""

from __future__ import annotations

from dataclasses import dataclass

from config import parsers
from config.variables import variable


@dataclass(frozen=True)
class ViewerSettings:
    broadcast_interval_ms: int = variable(
        "BROADCAST_INTERVAL_MS",
        "least time between two boards sent to a viewer",
        "100",
        parsers.integer(1),
    )
    heartbeat_seconds: int = variable(
        "HEARTBEAT_SECONDS",
        "a viewer that is silent for this long is pinged",
        "25",
        parsers.integer(1),
    )
    max_viewers: int = variable(
        "MAX_VIEWERS",
        "viewers of a broadcaster; each uses a file descriptor",
        "15000",
        parsers.integer(1),
    )
    max_viewers_per_user: int = variable(
        "MAX_VIEWERS_PER_USER", "viewers of one user", "1000", parsers.integer(1)
    )
    max_viewers_per_address: int = variable(
        "MAX_VIEWERS_PER_ADDRESS", "viewers from one address", "10000", parsers.integer(1)
    )
    new_viewers_per_second: int = variable(
        "NEW_VIEWERS_PER_SECOND",
        "WebSocket handshakes with a valid token that a broadcaster accepts; when they are scarce,"
        " the addresses share them",
        "1000",
        parsers.integer(1),
    )
    max_message_bytes: int = variable(
        "MAX_MESSAGE_BYTES", "longest message of a viewer", "4096", parsers.integer(125)
    )
    messages_per_second: int = variable(
        "MESSAGES_PER_SECOND",
        "messages and other frames of a viewer; a burst may be twice as many",
        "20",
        parsers.integer(1),
    )
