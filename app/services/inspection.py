"""Inspection: what moderators read before they act, and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.contract.errors import NotFound
from app.services.leaderboard import Leaderboard
from app.stores import audit, fraud_events, user_records
from app.stores.audit import AuditEntry
from app.stores.database import Database
from app.stores.fraud_events import FraudEvent
from app.stores.user_records import UserRecord


@dataclass(frozen=True)
class UserPage:
    """Some users by name, and whether more follow."""

    users: Sequence[UserRecord]
    more: bool


class Inspection:
    """Reads accounts, fraud events and the audit trail."""

    def __init__(self, database: Database, leaderboard: Leaderboard) -> None:
        self._database = database
        self._leaderboard = leaderboard

    def users(
        self, *, after: str = "", limit: int, status: str | None = None, part: str = ""
    ) -> UserPage:
        """Users whose name follows `after`; `part` is in their username or display name."""
        with self._database.reading() as connection:
            found = user_records.page(connection, after, limit + 1, status, part)
        return UserPage(found[:limit], more=len(found) > limit)

    def user(self, user_id: str) -> UserRecord:
        """One account; raises NotFound, for a deleted one too."""
        with self._database.reading() as connection:
            record = user_records.find(connection, user_id)
        if record is None:
            raise NotFound("There is no such user")
        return record

    def rank(self, record: UserRecord) -> int | None:
        """The user's competition rank; None for who is not on the board."""
        if not record.score or record.status == "banned":
            return None
        return self._leaderboard.rank_of(record.score)

    def fraud_events(
        self, *, user_id: str | None = None, since: datetime | None = None, limit: int
    ) -> list[FraudEvent]:
        """Fraud events, the newest first; of one user or of all."""
        with self._database.reading() as connection:
            return fraud_events.find(connection, user_id, since, limit)

    def audit(self, *, user_id: str | None = None, limit: int) -> list[AuditEntry]:
        """What was done, the newest first; to one user or to all."""
        with self._database.reading() as connection:
            return audit.find(connection, user_id, limit)
