"""Moderation: what operators and admins do to an account, each act audited and undoable."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.contract.errors import Forbidden, NotFound, ValidationFailed
from app.contract.messages import EndReason
from app.services.passwords import Passwords
from app.services.propagation import Propagation, aftermath_of
from app.stores import audit, ledger, moderation, partitions, sessions, users
from app.stores.database import Database
from app.stores.users import User

# Done to an admin these would let one admin act, and be audited, as another.
FOR_OPERATORS_ALONE = frozenset({"ban", "delete", "set-password"})
NO_REASON = "no reason given"
LONGEST_SECONDS = 3650 * 86400
"""Of a timed ban or flag."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Act:
    """Who does it, and why; admins may not do everything to each other that operators may."""

    actor: str
    reason: str
    among_admins: bool = False


@dataclass(frozen=True)
class Done:
    """What an act did: details for the audit trail, and the sessions that it ended."""

    details: Mapping[str, Any] = field(default_factory=dict)
    ended_sessions: Sequence[str] = ()
    end_reason: EndReason = "revoked"


@dataclass(frozen=True)
class Performed:
    """What came of an act."""

    done: bool
    """False where there was nothing to do."""
    told: bool
    """False where Redis was away: it is told when it is back."""
    points: int = 0
    """Taken back."""


class Moderation:
    """Each act is one transaction, in PostgreSQL first; then caches, index and screens follow."""

    def __init__(self, database: Database, passwords: Passwords, propagation: Propagation) -> None:
        self._database = database
        self._passwords = passwords
        self._propagation = propagation

    def find(self, user: str) -> User:
        """The account of that id or name; raises NotFound."""
        with self._database.reading() as connection:
            return _found(_look_up(connection, user))

    def ban(self, act: Act, user_id: str, until: datetime | None = None) -> Performed:
        """Ban until that moment, or until an unban; every session ends, every screen follows."""

        def do(connection: Connection, user: User) -> Done:
            moderation.ban(connection, user.id, until)
            ended = sessions.revoke_all(connection, user.id)
            return Done({"until": until.isoformat() if until else None}, ended, "banned")

        return self._perform(act, "ban", user_id, do)

    def unban(self, act: Act, user_id: str) -> Performed:
        """End a ban: the score is back on the board; not done where there was no ban."""
        return self._undo(act, "unban", user_id, moderation.unban)

    def flag(self, act: Act, user_id: str, seconds: int) -> Performed:
        """Halve the limits for so long; not done to one who is banned."""

        def do(connection: Connection, user: User) -> Done | None:
            at = ledger.now(connection) // 1000
            flagged = moderation.flag(connection, user.id, at, seconds)
            return Done({"seconds": seconds}) if flagged else None

        return self._perform(act, "flag", user_id, do)

    def unflag(self, act: Act, user_id: str) -> Performed:
        """Give the full limits back; not done where there was no flag."""
        return self._undo(act, "unflag", user_id, moderation.unflag)

    def rename(
        self, act: Act, user_id: str, *, display_name: str | None, username: str | None
    ) -> Performed:
        """Give other names, on every screen at once; raises UsernameTaken."""

        def do(connection: Connection, user: User) -> Done:
            names = (username or user.username, display_name or user.display_name)
            users.rename(connection, user.id, *names)
            before = {"username": user.username, "displayName": user.display_name}
            return Done({"before": before, "username": names[0], "displayName": names[1]})

        return self._perform(act, "rename", user_id, do)

    def set_password(self, act: Act, user_id: str, password: str) -> Performed:
        """Set another password; every session ends."""
        password_hash = self._passwords.hash(password)

        def do(connection: Connection, user: User) -> Done:
            users.set_password(connection, user.id, password_hash)
            return Done({}, sessions.revoke_all(connection, user.id))

        return self._perform(act, "set-password", user_id, do)

    def delete(self, act: Act, user_id: str) -> Performed:
        """Forget the person: names, password, sessions; the actions and their sums stay."""

        def do(connection: Connection, user: User) -> Done:
            ended = sessions.revoke_all(connection, user.id)
            moderation.delete(connection, user.id)
            audit.forget_names(connection, user.id)
            return Done({"score": user.score}, ended)

        return self._perform(act, "delete", user_id, do)

    def revoke_points(self, act: Act, user_id: str, since: datetime | None = None) -> Performed:
        """Take back the points since that moment, or all, by a compensating action.

        Raises ValidationFailed for a moment in a month that was detached.
        """
        points = 0

        def do(connection: Connection, user: User) -> Done | None:
            nonlocal points
            begin = partitions.ledger_begin(connection)
            if since and begin and since < begin:
                raise ValidationFailed(f"Which points are since then is told from {begin} on")
            points = ledger.points_since(connection, user.id, since)
            if points <= 0:
                return None
            ledger.compensate(connection, user.id, points)
            details = {"points": points, "since": since.isoformat() if since else None}
            return Done(details)

        performed = self._perform(act, "revoke-points", user_id, do)
        return replace(performed, points=points) if performed.done else performed

    def set_role(self, act: Act, user_id: str, role: str) -> Performed:
        """Make the user an admin, or a player again."""

        def do(connection: Connection, user: User) -> Done:
            moderation.set_role(connection, user.id, role)
            return Done({"role": role})

        return self._perform(act, "set-role", user_id, do)

    def _undo(
        self, act: Act, name: str, user_id: str, undo: Callable[[Connection, str], bool]
    ) -> Performed:
        def do(connection: Connection, user: User) -> Done | None:
            return Done() if undo(connection, user.id) else None

        return self._perform(act, name, user_id, do)

    def _perform(
        self, act: Act, name: str, user_id: str, do: Callable[[Connection, User], Done | None]
    ) -> Performed:
        """Lock the user, do it, write it down, commit, tell; None of `do`: nothing was to be done.

        Raises NotFound.
        """
        with self._database.transaction() as connection:
            user = _found(users.lock(connection, user_id))
            if act.among_admins and user.role == "admin" and name in FOR_OPERATORS_ALONE:
                raise Forbidden("Only an operator may do this to an admin")
            done = do(connection, user)
            if done is None:
                return Performed(done=False, told=True)
            audit.insert(connection, act.actor, name, user.id, act.reason, done.details)
            aftermath = aftermath_of(connection, user.id, done.ended_sessions, done.end_reason)
        return Performed(done=True, told=self._propagation.tell(aftermath))


def _look_up(connection: Connection, user: str) -> User | None:
    by_name = users.find_by_username(connection, user)
    return by_name or (users.find(connection, user) if _UUID.fullmatch(user) else None)


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user")
    return user
