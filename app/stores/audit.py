"""Rows of the audit trail: who did what to whom or what, when and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class AuditEntry:
    """One act of an operator, an admin, the fraud rules or time."""

    id: int
    at: datetime
    actor: str
    act: str
    user_id: str | None
    """None: it was done to no user."""
    reason: str
    details: dict[str, Any]


_INSERT = text(
    "INSERT INTO audit (actor, act, user_id, reason, details)"
    " VALUES (:actor, :act, :user_id, :reason, CAST(:details AS jsonb))"
)
_FORGET_NAMES = text("UPDATE audit SET details = '{}' WHERE user_id = :user_id AND act = 'rename'")
_LIST = text(
    "SELECT id, at, actor, act, user_id::text, reason, details FROM audit"
    " WHERE (CAST(:user_id AS uuid) IS NULL OR user_id = CAST(:user_id AS uuid))"
    " ORDER BY id DESC LIMIT :limit"
)


def insert(
    connection: Connection,
    actor: str,
    act: str,
    user_id: str | None,
    reason: str,
    details: Mapping[str, Any],
) -> None:
    """Write down an act, in the transaction that does it."""
    connection.execute(
        _INSERT,
        {
            "actor": actor,
            "act": act,
            "user_id": user_id,
            "reason": reason,
            "details": json.dumps(details),
        },
    )


def forget_names(connection: Connection, user_id: str) -> None:
    """Take the user's names out of the trail; that they were renamed stays."""
    connection.execute(_FORGET_NAMES, {"user_id": user_id})


def find(connection: Connection, user_id: str | None, limit: int) -> list[AuditEntry]:
    """Entries, the newest first; of one user or of all."""
    rows = connection.execute(_LIST, {"user_id": user_id, "limit": limit})
    return [AuditEntry(*row) for row in rows]
