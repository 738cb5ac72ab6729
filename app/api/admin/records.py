"""JSON of the records that moderators read, for the command line and HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.accounts.display_token_rows import DisplayToken
from app.accounts.service_keys.key_rows import ServiceKeyRecord
from app.audit.audit_rows import AuditEntry
from app.contract.standings import moment_text
from app.moderation.fraud_event_rows import FraudEvent
from app.moderation.user_record_rows import UserRecord


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


FRAUD_EVENT_FIELDS = (
    "id",
    "createdAt",
    "userId",
    "username",
    "rule",
    "kind",
    "action",
    "reason",
    "evidence",
)


def fraud_event_json(event: FraudEvent) -> dict[str, Any]:
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
        "stands": token.valid,
    }


def service_key_json(key: ServiceKeyRecord) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "boards": key.boards,
        "createdAt": _moment(key.created_at),
        "createdBy": key.created_by,
        "expiresAt": _moment(key.expires_at),
        "revokedAt": _moment(key.revoked_at),
        "revokedBy": key.revoked_by,
        "lastUsedAt": _moment(key.last_used_at),
        "valid": key.valid,
    }


def audit_entry_json(entry: AuditEntry) -> dict[str, Any]:
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
    return None if moment is None else moment_text(moment)
