"""What moderators read, as JSON has it on the command line and over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.contract.standings import timestamp
from app.stores.audit import AuditEntry
from app.stores.display_tokens import DisplayToken
from app.stores.fraud_events import FraudEvent
from app.stores.user_records import UserRecord


def user_json(user: UserRecord) -> dict[str, Any]:
    return {
        "userId": user.id,
        "username": user.username,
        "displayName": user.display_name,
        "status": user.status,
        "role": user.role,
        "score": user.score,
        "createdAt": _moment(user.created_at),
        "lastLoginAt": _moment(user.last_login_at),
        "flaggedUntil": _moment(user.flagged_until),
        "bannedUntil": _moment(user.banned_until),
    }


def event_json(event: FraudEvent) -> dict[str, Any]:
    return {
        "id": event.id,
        "createdAt": _moment(event.created_at),
        "userId": event.user_id,
        "username": event.username,
        "rule": event.rule,
        "kind": event.kind,
        "action": event.action,
        "reason": event.reason,
        "evidence": event.evidence,
    }


def display_token_json(token: DisplayToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "createdAt": _moment(token.created_at),
        "createdBy": token.created_by,
        "expiresAt": _moment(token.expires_at),
        "revokedAt": _moment(token.revoked_at),
        "revokedBy": token.revoked_by,
        "stands": token.stands,
    }


def entry_json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "at": _moment(entry.at),
        "actor": entry.actor,
        "act": entry.act,
        "userId": entry.user_id,
        "reason": entry.reason,
        "details": entry.details,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else timestamp(int(moment.timestamp() * 1000))
