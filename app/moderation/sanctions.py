"""Sanctions: the one place where users are flagged and banned, and where flags and bans end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.accounts import session_rows
from app.accounts.user_rows import User
from app.audit import audit_rows
from app.audit.audited_change import Initiator
from app.contract.channels import EndReason
from app.leaderboard.publication import BoardPublisher, StandingEffects, effects_of
from app.ledger import standing_rows
from app.moderation import sanction_rows

EXPIRY = Initiator("time", "expired")
_SHOWN_ON_BOARDS = frozenset({"ban", "unban", "expire", "rename", "delete"})
"""The changes of status or names after which every board of the user is refreshed."""


class Sanctions:
    """Flags, bans and their ends, for operators, admins, the fraud rules and the reconciler.

    Each method runs in the caller's transaction. It takes the `User` that user_rows.lock returned:
    the lock on the user's row makes parallel changes of one user happen one after the other.

    Guarantees:
      * The sanction, the end of the user's sessions and the audit entry are committed together.
      * A returned StandingEffects has not been published; the caller passes it to `publish` after
        the commit. If that fails, the reconciler publishes the change when Redis is back.
      * None means that there was nothing to change, and that nothing was written.
    """

    def __init__(self, publisher: BoardPublisher) -> None:
        self._publisher = publisher

    def ban(
        self,
        connection: Connection,
        user: User,
        initiator: Initiator,
        *,
        until: datetime | None = None,
        public_reason: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> StandingEffects:
        """Ban the user until that time, or until an unban, and end all sessions of the user.

        `public_reason` is for the player, unlike that of the initiator.
        """
        sanction_rows.ban(connection, user.id, until, public_reason)
        ended = session_rows.revoke_all(connection, user.id)
        return record_change(connection, initiator, "ban", user.id, details, ended, "banned")

    def flag(
        self,
        connection: Connection,
        user: User,
        initiator: Initiator,
        *,
        at: int,
        seconds: int,
        extend: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> StandingEffects | None:
        """Halve the user's limits from `at` (ms since 1970) on; None if the user is banned.

        With `extend` a flag that is already in force becomes longer, never shorter.
        """
        if not sanction_rows.flag(connection, user.id, at, seconds, extend=extend):
            return None
        return record_change(connection, initiator, "flag", user.id, details)

    def unban(
        self, connection: Connection, user: User, initiator: Initiator
    ) -> StandingEffects | None:
        """End a ban: the score is back on the board, and earlier fraud events no longer count."""
        if not sanction_rows.unban(connection, user.id):
            return None
        return record_change(connection, initiator, "unban", user.id)

    def unflag(
        self, connection: Connection, user: User, initiator: Initiator
    ) -> StandingEffects | None:
        """End a flag: the full limits apply again, and earlier fraud events no longer count."""
        if not sanction_rows.unflag(connection, user.id):
            return None
        return record_change(connection, initiator, "unflag", user.id)

    def expire(self, connection: Connection, limit: int) -> list[StandingEffects]:
        """End at most `limit` expired bans and flags; takes the locks on their users."""
        return [
            record_change(connection, EXPIRY, "expire", user_id)
            for user_id in sanction_rows.expire(connection, limit)
        ]

    def publish(self, effects: StandingEffects) -> bool:
        """Publish a committed change; False if Redis is unreachable."""
        return self._publisher.publish(effects)


def record_change(
    connection: Connection,
    initiator: Initiator,
    act: str,
    user_id: str,
    details: Mapping[str, Any] | None = None,
    ended_sessions: Sequence[str] = (),
    end_reason: EndReason = "revoked",
) -> StandingEffects:
    """Write the audit entry of a change to a user; returns the effects to publish.

    If the boards show the change, the user's standings get a new revision.
    """
    if act in _SHOWN_ON_BOARDS:
        standing_rows.refresh(connection, user_id)
    audit_rows.insert(connection, initiator, act, user_id, details)
    return effects_of(connection, user_id, ended_sessions, end_reason)
