"""The metrics of the broadcaster itself; its /metrics also has those of the services it uses."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

VIEWERS = Gauge(
    "scoreboard_viewers", "Viewers connected to this broadcaster now, by WebSocket or event stream"
)
VIEWERS_CLOSED = Counter(
    "scoreboard_viewers_closed_total",
    "Closed viewers by close code and reason; 1000: closed by the viewer, 1006: connection lost",
    ["code", "reason"],
)
BROADCAST_SECONDS = Histogram(
    "scoreboard_broadcast_seconds",
    "Time from the first viewer's send to the last one's, for each board",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5),
)
COMMIT_TO_SEND_SECONDS = Histogram(
    "scoreboard_commit_to_send_seconds",
    "Time from the commit of a change of the top ten until its board was sent to every viewer",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2.5, 5, 10, 30),
)
REDIS_RECONNECTS = Counter(
    "scoreboard_redis_reconnects_total", "Subscriptions that were renewed after a loss"
)
REDIS_MESSAGES = Counter(
    "scoreboard_redis_messages_total", "Messages received from Redis by channel", ["channel"]
)
VIEWER_MESSAGES = Counter(
    "scoreboard_viewer_messages_total",
    "Messages from viewers by type; invalid ones were answered with an error",
    ["type"],
)
LIMIT_HITS = Counter(
    "scoreboard_viewer_limit_hits_total",
    "Viewers, handshakes and messages that a limit refused, by the limit's setting; turn: waited"
    " too long for other handshakes",
    ["limit"],
)
BROADCAST_INTERVAL = Gauge(
    "scoreboard_broadcast_interval_seconds",
    "Shortest time between two boards now: longer than configured if there are many viewers",
)
PERSONAL_WATCHERS = Gauge(
    "scoreboard_personal_watchers", "Users with a viewer that gets rank updates"
)
