"""Rows of the audit trail: each change with its user, actor, time and reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.audit.audited_change import Initiator


@dataclass(frozen=True)
class AuditEntry:
    """One change by an operator, an admin or the fraud rules, or the expiry of a sanction."""

    id: int
    at: datetime
    actor: str
    act: str
    """Name of the change, such as `ban` or `set-role`."""
    user_id: str | None
    """None if the change concerns no user."""
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
    initiator: Initiator,
    act: str,
    user_id: str | None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write an entry, in the transaction that makes the change."""
    connection.execute(
        _INSERT,
        {
            "actor": initiator.actor,
            "act": act,
            "user_id": user_id,
            "reason": initiator.reason,
            "details": json.dumps(details or {}),
        },
    )


def forget_names(connection: Connection, user_id: str) -> None:
    """Delete the user's names from the trail; the entries of the renames stay."""
    connection.execute(_FORGET_NAMES, {"user_id": user_id})


def find(connection: Connection, user_id: str | None, limit: int) -> list[AuditEntry]:
    """Entries of one user or of all, the newest first."""
    rows = connection.execute(_LIST, {"user_id": user_id, "limit": limit})
    return [AuditEntry(*row) for row in rows]
