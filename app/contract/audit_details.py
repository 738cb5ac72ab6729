"""Details of audit entries, in the JSON that the database stores and the API shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def display_token_details(token_id: str, name: str, expires_at: datetime) -> dict[str, str]:
    """Details of issuing or revoking a display token."""
    return {"id": token_id, "name": name, "expiresAt": expires_at.isoformat()}


def service_key_details(
    key_id: str, name: str, boards: list[str], expires_at: datetime | None
) -> dict[str, Any]:
    """Details of creating or revoking a service key."""
    end = expires_at.isoformat() if expires_at else None
    return {"id": key_id, "name": name, "boards": boards, "expiresAt": end}
