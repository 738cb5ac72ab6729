"""The reads of moderators: accounts, fraud events and the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.audit import audit_rows
from app.audit.audit_rows import AuditEntry
from app.contract.errors import NotFound
from app.leaderboard.leaderboard import Leaderboard
from app.moderation import fraud_event_rows, user_record_rows
from app.moderation.fraud_event_rows import FraudEvent
from app.moderation.user_record_rows import UserRecord
from app.storage.database import Database


@dataclass(frozen=True)
class UserPage:
    """Users in the order of their names, and whether more follow."""

    users: Sequence[UserRecord]
    more: bool


class ModerationReads:
    """Reads accounts, fraud events and the audit trail."""

    def __init__(self, database: Database, leaderboard: Leaderboard) -> None:
        self._database = database
        self._leaderboard = leaderboard

    def users(
        self, *, after: str = "", limit: int, status: str | None = None, part: str = ""
    ) -> UserPage:
        """Users whose username follows `after`; one of their names contains `part`."""
        with self._database.reading() as connection:
            found = user_record_rows.page(connection, after, limit + 1, status, part)
        return UserPage(found[:limit], more=len(found) > limit)

    def user(self, user_id: str) -> UserRecord:
        """One account; raises NotFound, also for a deleted one."""
        with self._database.reading() as connection:
            record = user_record_rows.find(connection, user_id)
        if record is None:
            raise NotFound("There is no such user")
        return record

    def rank(self, record: UserRecord) -> int | None:
        """The user's competition rank; None if the user is not on the board."""
        if not record.score or record.status == "banned":
            return None
        return self._leaderboard.rank_of(record.score)

    def fraud_events(
        self, *, user_id: str | None = None, since: datetime | None = None, limit: int
    ) -> list[FraudEvent]:
        """Fraud events of one user or of all, the newest first."""
        with self._database.reading() as connection:
            return fraud_event_rows.find(connection, user_id, since, limit)

    def audit(self, *, user_id: str | None = None, limit: int) -> list[AuditEntry]:
        """Audit entries about one user or all, the newest first."""
        with self._database.reading() as connection:
            return audit_rows.find(connection, user_id, limit)
