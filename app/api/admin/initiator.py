"""The admin that makes the change of the current request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.audit.audited_change import Initiator
from app.http.access_control import current_identity


def current_initiator(body: Mapping[str, Any]) -> Initiator:
    """The calling admin, with the reason in the body."""
    return Initiator(f"admin:{current_identity().user_id}", body["reason"], is_admin=True)
