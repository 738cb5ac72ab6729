"""Details of errors and audit entries, in the JSON that clients get and the database stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

ClockTime = Literal["opens_at", "freezes_at", "closes_at"]

# The names of fields of requests, which messages about these fields have too.
USER_ID = "userId"
DISPLAY_NAME = "displayName"
EXPIRES_AT = "expiresAt"
SCORED_BY = "scoredBy"
TIME_ZONE = "timeZone"
OPENS_AT, FREEZES_AT, CLOSES_AT = "opensAt", "freezesAt", "closesAt"
THAWED_AT, FINALIZED_AT = "thawedAt", "finalizedAt"

CLOCK_TIMES: Mapping[ClockTime, str] = {
    "opens_at": OPENS_AT,
    "freezes_at": FREEZES_AT,
    "closes_at": CLOSES_AT,
}
"""The times of a board's clock that can be set, with their names in the contract."""


def display_token_details(token_id: str, name: str, expires_at: datetime) -> dict[str, str]:
    """Details of issuing or revoking a display token."""
    return {"id": token_id, "name": name, EXPIRES_AT: expires_at.isoformat()}


def service_key_details(
    key_id: str, name: str, boards: list[str], expires_at: datetime | None
) -> dict[str, Any]:
    """Details of creating or revoking a service key."""
    end = expires_at.isoformat() if expires_at else None
    return {"id": key_id, "name": name, "boards": boards, EXPIRES_AT: end}


def ban_details(until: datetime | None, public_reason: str | None) -> dict[str, str | None]:
    """Details of a ban by a moderator."""
    details = {"until": until.isoformat() if until else None}
    return details | {"publicReason": public_reason} if public_reason else details


def names_details(username: str, display_name: str) -> dict[str, str]:
    """The names of a user before or after a change."""
    return {"username": username, DISPLAY_NAME: display_name}
