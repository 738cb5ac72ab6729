"""Moderation: the changes that operators and admins make to an account."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.accounts import session_rows, user_rows
from app.accounts.passwords import Passwords
from app.accounts.user_rows import User
from app.audit import audit_rows
from app.audit.audited_change import ChangeResult, Initiator
from app.boards import board_rows
from app.boards.board import MAIN_ID, MAIN_KEY, Board
from app.contract.details import ban_details, names_details
from app.contract.errors import Forbidden, NotFound, ValidationFailed
from app.leaderboard.publication import StandingEffects
from app.ledger import action_rows, compensations, partition_rows
from app.ledger.compensations import NOTHING_TAKEN, TakenBack
from app.moderation import sanction_rows
from app.moderation.sanctions import Sanctions, record_change
from app.storage.database import Database

MAX_SANCTION_SECONDS = 3650 * 86400
"""The longest ban or flag with an end."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Change = Callable[[Connection, User], StandingEffects | None]
"""A change to a locked user; None if there was nothing to change."""


class Moderation:
    """Each change is one transaction in PostgreSQL with an audit entry, and is published after it.

    All of its changes raise NotFound for an unknown or deleted user.
    """

    def __init__(self, database: Database, passwords: Passwords, sanctions: Sanctions) -> None:
        self._database = database
        self._passwords = passwords
        self._sanctions = sanctions

    def find(self, user: str) -> User:
        """The account with that id or name; raises NotFound."""
        with self._database.reading() as connection:
            return _found(_look_up(connection, user))

    def ban(
        self,
        initiator: Initiator,
        user_id: str,
        until: datetime | None = None,
        public_reason: str | None = None,
    ) -> ChangeResult:
        """Ban the user until that time, or until an unban, and end all sessions of the user.

        The player reads `public_reason`; the initiator's reason is for the audit trail only.
        """
        details = ban_details(until, public_reason)

        def ban(connection: Connection, user: User) -> StandingEffects:
            _protect_admin(initiator, user)
            return self._sanctions.ban(
                connection,
                user,
                initiator,
                until=until,
                public_reason=public_reason,
                details=details,
            )

        return self._change(user_id, ban)

    def unban(self, initiator: Initiator, user_id: str) -> ChangeResult:
        """End a ban: the score is back on the board; not done if the user is not banned."""
        return self._change(
            user_id, lambda connection, user: self._sanctions.unban(connection, user, initiator)
        )

    def flag(self, initiator: Initiator, user_id: str, seconds: int) -> ChangeResult:
        """Halve the user's limits for that time; not done if the user is banned."""

        def flag(connection: Connection, user: User) -> StandingEffects | None:
            at = action_rows.now(connection) // 1000
            details = {"seconds": seconds}
            return self._sanctions.flag(
                connection, user, initiator, at=at, seconds=seconds, details=details
            )

        return self._change(user_id, flag)

    def unflag(self, initiator: Initiator, user_id: str) -> ChangeResult:
        """End a flag: the full limits apply again; not done if the user is not flagged."""
        return self._change(
            user_id, lambda connection, user: self._sanctions.unflag(connection, user, initiator)
        )

    def rename(
        self,
        initiator: Initiator,
        user_id: str,
        *,
        display_name: str | None,
        username: str | None,
    ) -> ChangeResult:
        """Give the user other names; None keeps the current one. Raises UsernameTaken."""

        def rename(connection: Connection, user: User) -> StandingEffects:
            names = (username or user.username, display_name or user.display_name)
            user_rows.rename(connection, user.id, *names)
            before = names_details(user.username, user.display_name)
            details = {"before": before, **names_details(*names)}
            return record_change(connection, initiator, "rename", user.id, details)

        return self._change(user_id, rename)

    def set_password(self, initiator: Initiator, user_id: str, password: str) -> ChangeResult:
        """Set another password and end all sessions of the user; raises ServerBusy."""
        with self._passwords.hasher() as hasher:
            password_hash = hasher.hash(password)

        def set_password(connection: Connection, user: User) -> StandingEffects:
            _protect_admin(initiator, user)
            user_rows.set_password(connection, user.id, password_hash)
            ended = session_rows.revoke_all(connection, user.id)
            return record_change(
                connection, initiator, "set-password", user.id, ended_sessions=ended
            )

        return self._change(user_id, set_password)

    def delete(self, initiator: Initiator, user_id: str) -> ChangeResult:
        """Delete the user's names, password and sessions; the actions and their sums stay."""

        def delete(connection: Connection, user: User) -> StandingEffects:
            _protect_admin(initiator, user)
            ended = session_rows.revoke_all(connection, user.id)
            sanction_rows.delete(connection, user.id)
            audit_rows.forget_names(connection, user.id)
            details = {"score": user.score}
            return record_change(connection, initiator, "delete", user.id, details, ended)

        return self._change(user_id, delete)

    def revoke_points(
        self,
        initiator: Initiator,
        user_id: str,
        since: datetime | None = None,
        board_key: str = MAIN_KEY,
    ) -> ChangeResult:
        """Take back what the user scored on the board since that time, or all of it.

        Each period of the acts shows what remains. The score of `main` and all time is lowered by
        an action with negative points, so that it is the sum of its actions. Raises NotFound, and
        ValidationFailed if acts that are needed are in a month that was detached.
        """
        taken = NOTHING_TAKEN

        def revoke_points(connection: Connection, user: User) -> StandingEffects | None:
            nonlocal taken
            board = board_rows.find_all(connection, [board_key]).get(board_key)
            if board is None:
                raise NotFound("There is no such board")
            _check_ledger(connection, user, board, since)
            details: dict[str, Any] = {"since": since.isoformat() if since else None}
            if board.id == MAIN_ID:
                taken = _take_back_on_main(connection, user, since)
            else:
                taken = compensations.take_back(connection, user.id, board.id, since)
                details |= {"board": board_key, "acts": taken.acts}
            if not taken.done:
                return None
            details["points"] = taken.points
            return record_change(connection, initiator, "revoke-points", user.id, details)

        result = self._change(user_id, revoke_points)
        if not result.done:
            return result
        return replace(result, revoked_points=taken.points, revoked_acts=taken.acts)

    def set_role(self, initiator: Initiator, user_id: str, role: str) -> ChangeResult:
        """Give the user the role `admin` or `player`."""

        def set_role(connection: Connection, user: User) -> StandingEffects:
            sanction_rows.set_role(connection, user.id, role)
            return record_change(connection, initiator, "set-role", user.id, {"role": role})

        return self._change(user_id, set_role)

    def _change(self, user_id: str, change: Change) -> ChangeResult:
        """Lock the user, make the change, commit and publish it."""
        with self._database.transaction() as connection:
            user = _found(user_rows.lock(connection, user_id))
            effects = change(connection, user)
        if effects is None:
            return ChangeResult(done=False, published=True)
        return ChangeResult(done=True, published=self._sanctions.publish(effects))


def _take_back_on_main(connection: Connection, user: User, since: datetime | None) -> TakenBack:
    points = action_rows.points_since(connection, user.id, since)
    if points <= 0:
        return NOTHING_TAKEN
    action_rows.compensate(connection, user.id, points)
    compensations.take_back(connection, user.id, MAIN_ID, since)
    # One point an act.
    return TakenBack(done=True, acts=points, points=points)


def _check_ledger(connection: Connection, user: User, board: Board, since: datetime | None) -> None:
    """Raise ValidationFailed if acts since then, or of a period that remains, were detached."""
    begin = partition_rows.ledger_begin(connection)
    if since is None or begin is None:
        return
    if since < begin:
        raise ValidationFailed(f"The points since a time are known only from {begin} on")
    if compensations.needs_older_acts(connection, user.id, board.id, since, begin):
        raise ValidationFailed(f"A period of the board began before {begin}: take all points back")


def _protect_admin(initiator: Initiator, user: User) -> None:
    """Refuse changes by one admin to another, which would let an admin act as the other admin."""
    if initiator.is_admin and user.role == "admin":
        raise Forbidden("Only an operator may do this to an admin")


def _look_up(connection: Connection, user: str) -> User | None:
    by_name = user_rows.find_by_username(connection, user)
    return by_name or (user_rows.find(connection, user) if _UUID.fullmatch(user) else None)


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user")
    return user
