"""SQL of fraud events: which player a rule flagged or banned, when, and on what evidence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from app.contract.keys import ActionKind

FraudAction = Literal["FLAG", "BAN"]
MAX_WAIT_MS = 60_000
"""Longer than an attempt waits for its verdict. An event that is later than an attempt by more than
this was written before Redis' clock was set back, and is ignored."""


@dataclass(frozen=True)
class NewFraudEvent:
    """The finding of a rule, and the sanction that follows from it."""

    user_id: str
    kind: ActionKind
    rule: str
    reason: str
    evidence: Mapping[str, Any]
    action: FraudAction
    judged_until: int
    """Time of the attempt that fired, ms of Redis' clock: all attempts up to it are judged."""


@dataclass(frozen=True)
class FraudEvent:
    """One event as moderators read it."""

    id: int
    user_id: str
    username: str
    rule: str
    kind: str
    action: FraudAction
    reason: str
    evidence: dict[str, Any]
    created_at: datetime


_INSERT = text(
    "INSERT INTO fraud_events (user_id, rule, kind, action, reason, evidence, judged_until)"
    " VALUES (:user_id, :rule, :kind, :action, :reason, CAST(:evidence AS jsonb), :judged_until)"
)
_COUNT_FROM = text(
    "SELECT coalesce(max(CASE WHEN u.pardoned_at IS NULL OR e.created_at > u.pardoned_at"
    "   THEN e.judged_until + :gap_ms"
    "   WHEN e.rule = :rule AND e.kind = :kind THEN e.judged_until + 1 END), 0)"
    " FROM fraud_events e JOIN users u ON u.id = e.user_id"
    " WHERE e.user_id = :user_id AND e.created_at > clock_timestamp() - interval '1 day'"
    " AND e.judged_until <= :now + :max_wait_ms"
)
_COUNT = text(
    "SELECT count(*) FROM fraud_events e JOIN users u ON u.id = e.user_id"
    " WHERE e.user_id = :user_id"
    " AND e.created_at > clock_timestamp() - :seconds * interval '1 second'"
    " AND (u.pardoned_at IS NULL OR e.created_at > u.pardoned_at)"
)
_LIST = text(
    "SELECT e.id, e.user_id::text, u.username, e.rule, e.kind, e.action, e.reason, e.evidence,"
    " e.created_at FROM fraud_events e JOIN users u ON u.id = e.user_id"
    " WHERE (CAST(:user_id AS uuid) IS NULL OR e.user_id = CAST(:user_id AS uuid))"
    " AND (CAST(:since AS timestamptz) IS NULL OR e.created_at >= CAST(:since AS timestamptz))"
    " ORDER BY e.id DESC LIMIT :limit"
)


def insert(connection: Connection, event: NewFraudEvent) -> None:
    """Write an event; the caller has locked the user's row."""
    connection.execute(
        _INSERT,
        {
            "user_id": event.user_id,
            "rule": event.rule,
            "kind": event.kind,
            "action": event.action,
            "reason": event.reason,
            "evidence": json.dumps(event.evidence),
            "judged_until": event.judged_until,
        },
    )


def attempts_count_from(
    connection: Connection, user_id: str, kind: ActionKind, rule: str, *, now: int, gap_ms: int
) -> int:
    """Time of the first attempt that may count for an event of that rule and kind.

    It is `gap_ms` after the last event of any rule and kind. A pardoned event leaves no gap, but
    the attempts that it has judged count for no event of its rule and kind. `now` is the time of
    the present attempt; all times are ms of Redis' clock.
    """
    values = {
        "user_id": user_id,
        "rule": rule,
        "kind": kind,
        "now": now,
        "gap_ms": gap_ms,
        "max_wait_ms": MAX_WAIT_MS,
    }
    return int(connection.execute(_COUNT_FROM, values).scalar_one())


def count_recent(connection: Connection, user_id: str, seconds: int) -> int:
    """Number of events of the user within these seconds and since the last pardon."""
    values = {"user_id": user_id, "seconds": seconds}
    return int(connection.execute(_COUNT, values).scalar_one())


def find(
    connection: Connection, user_id: str | None, since: datetime | None, limit: int
) -> list[FraudEvent]:
    """Events, the newest first."""
    rows = connection.execute(_LIST, {"user_id": user_id, "since": since, "limit": limit})
    return [FraudEvent(*row) for row in rows]
