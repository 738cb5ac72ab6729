"""Counters of what would otherwise go unseen; /metrics shows them for all worker processes."""

from __future__ import annotations

from prometheus_client import Counter

AFTER_COMMIT_FAILURES = Counter(
    "scoreboard_after_commit_failures_total",
    "Committed changes that Redis could not be told at once",
)
INDEX_REPAIRS = Counter(
    "scoreboard_index_repairs_total",
    "Changes that the repair pass found missing in the rank index and placed",
)
INDEX_REBUILDS = Counter("scoreboard_index_rebuilds_total", "Rebuilds of the rank index completed")
CACHE_READS = Counter(
    "scoreboard_board_reads_total", "Reads of the top ten by the level that answered", ["level"]
)
REPLICA_READS = Counter(
    "scoreboard_replica_reads_total",
    "Reads of the board with DATABASE_READ_URL set: by the replica, or why by the primary instead",
    ["outcome"],
)
FRAUD_EVENTS = Counter(
    "scoreboard_fraud_events_total", "Fraud events by rule and action", ["rule", "action"]
)
ERRORS = Counter("scoreboard_errors_total", "Error replies by code", ["code"])
TOKENS_ISSUED = Counter("scoreboard_tokens_issued_total", "Action tokens given out")
TOKENS_REFUSED = Counter(
    "scoreboard_tokens_refused_total",
    "Action tokens not given out (act issue) or not counted (act spend), by reason",
    ["act", "reason"],
)
INCREMENTS = Counter("scoreboard_increments_total", "Points counted")
