"""An audited change: its initiator, its reason and its result."""

from __future__ import annotations

from dataclasses import dataclass

NO_REASON = "no reason given"


@dataclass(frozen=True)
class Initiator:
    """The operator, admin or part of the system that makes a change, and the reason."""

    actor: str
    """As in the audit trail: `operator:NAME`, `admin:ID`, `fraud rules` or `time`."""
    reason: str
    is_admin: bool = False
    """Whether the actor is an admin. Admins can't make some changes to other admins."""


@dataclass(frozen=True)
class ChangeResult:
    """Result of an audited change."""

    done: bool
    """False if there was nothing to change; then nothing was written."""
    published: bool
    """False if Redis was unreachable: the reconciler publishes the change later."""
    revoked_points: int = 0
    revoked_acts: int = 0
