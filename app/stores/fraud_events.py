"""Rows of fraud_events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, text

from app.contract.keys import ActionKind

FraudAction = Literal["FLAG", "BAN"]


@dataclass(frozen=True)
class NewFraudEvent:
    """What a rule found and what follows from it."""

    user_id: str
    kind: ActionKind
    rule: str
    reason: str
    evidence: Mapping[str, Any]
    action: FraudAction
    judged_until: int
    """Time of the attempt that fired, ms of Redis' clock: all up to it are judged."""


@dataclass(frozen=True)
class FraudEvent:
    """One event as operators read it."""

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
_JUDGED = text(
    "SELECT 1 FROM fraud_events WHERE user_id = :user_id AND rule = :rule AND kind = :kind"
    " AND judged_until >= :since AND created_at > clock_timestamp() - interval '1 day'"
    " LIMIT 1"
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
    """Write an event; the user's row must be locked."""
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


def judged_before(
    connection: Connection, user_id: str, kind: ActionKind, rule: str, since: int
) -> bool:
    """Whether an event was written for attempts at or after that time, ms of Redis' clock."""
    values = {"user_id": user_id, "rule": rule, "kind": kind, "since": since}
    return connection.execute(_JUDGED, values).one_or_none() is not None


def count_recent(connection: Connection, user_id: str, seconds: int) -> int:
    """Events of the user within so many seconds and since the last pardon."""
    values = {"user_id": user_id, "seconds": seconds}
    return int(connection.execute(_COUNT, values).scalar_one())


def find(
    connection: Connection, user_id: str | None, since: datetime | None, limit: int
) -> list[FraudEvent]:
    """Events, the newest first."""
    rows = connection.execute(_LIST, {"user_id": user_id, "since": since, "limit": limit})
    return [FraudEvent(*row) for row in rows]
