"""Counters of events; /metrics adds them up over all worker processes."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from app.metrics.value_files import reserve_space_for_counts

reserve_space_for_counts()

AFTER_COMMIT_FAILURES = Counter(
    "scoreboard_after_commit_failures_total",
    "Committed changes that could not be applied to Redis at once",
)
INDEX_REPAIRS = Counter(
    "scoreboard_index_repairs_total",
    "Changes that were missing in the rank index and that a reconciliation applied",
)
INDEX_REBUILDS = Counter("scoreboard_index_rebuilds_total", "Completed rebuilds of the rank index")
REDIS_KEYS_DROPPED = Counter(
    "scoreboard_redis_keys_dropped_total",
    "Redis keys deleted because another client had written one of them with another type",
)
CACHE_READS = Counter(
    "scoreboard_board_reads_total",
    "Reads of the top ten by the level that answered",
    ["level"],
)
REPLICA_READS = Counter(
    "scoreboard_replica_reads_total",
    "Reads of the board if DATABASE_READ_URL is set: by the replica, or why by the primary",
    ["outcome"],
)
FRAUD_EVENTS = Counter(
    "scoreboard_fraud_events_total", "Fraud events by rule and action", ["rule", "action"]
)
ERRORS = Counter("scoreboard_errors_total", "Error replies by code", ["code"])
SESSIONS_PURGED = Counter("scoreboard_sessions_purged_total", "Expired sessions deleted")
TOKENS_ISSUED = Counter("scoreboard_tokens_issued_total", "Action tokens issued")
TOKENS_REFUSED = Counter(
    "scoreboard_tokens_refused_total",
    "Action tokens not issued (act issue) or not counted (act spend), by reason",
    ["act", "reason"],
)
CONNECTIONS_CLOSED = Counter(
    "scoreboard_connections_closed_total",
    "Connections without a request in progress that were closed to make room for new ones",
)
ACCEPT_FAILURES = Counter(
    "scoreboard_accept_failures_total", "New connections that the API could not accept"
)
LOG_LINES_DROPPED = Counter(
    "scoreboard_log_lines_dropped_total", "Log lines that could not be written to stderr"
)
INCREMENTS = Counter("scoreboard_increments_total", "Points counted")
SERVICE_ACTS = Counter(
    "scoreboard_service_acts_total", "Acts that services reported, by the status", ["status"]
)
BACKGROUND_FAILURES = Counter(
    "scoreboard_background_failures_total",
    "Unforeseen errors of background parts, each of which was restarted",
    ["part"],
)
BACKGROUND_PROGRESS = Gauge(
    "scoreboard_background_progress_timestamp_seconds",
    "When a background part last succeeded, in Unix seconds; the oldest of all workers",
    ["part"],
    multiprocess_mode="livemin",
)
ONE_PROCESS = Gauge(
    "scoreboard_metrics_of_one_process",
    "1 if this reply counts only the process that made it, because gunicorn.conf.py was not used",
    multiprocess_mode="max",
)
