"""Users as moderators read them: all of the account except its password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, text

# ruff: noqa: S608 - the parts are constants of this module


@dataclass(frozen=True)
class UserRecord:
    """One account; `flagged_until` and `banned_until` are None without a sanction or its end."""

    id: str
    username: str
    display_name: str
    status: str
    role: str
    score: int
    created_at: datetime
    last_login_at: datetime | None
    flagged_until: datetime | None
    banned_until: datetime | None


# A flag ends at its time, before the reconciler writes that into the row.
_STATUS = (
    "CASE WHEN status = 'flagged' AND flagged_until <= clock_timestamp() THEN 'active'"
    " ELSE status END"
)
_SELECT = (
    "SELECT id::text, username, display_name, shown_status, role, score, created_at,"
    " last_login_at, CASE WHEN shown_status = 'flagged' THEN flagged_until END,"
    " CASE WHEN shown_status = 'banned' THEN banned_until END"
    f" FROM (SELECT *, {_STATUS} AS shown_status FROM users WHERE status <> 'deleted') AS present"
)
_BY_ID = text(f"{_SELECT} WHERE id = :id")
_PAGE = text(
    f'{_SELECT} WHERE lower(username COLLATE "C") > lower(:after COLLATE "C")'
    " AND (CAST(:status AS text) IS NULL OR shown_status = :status)"
    " AND (strpos(lower(username), lower(:part)) > 0"
    " OR strpos(lower(display_name), lower(:part)) > 0)"
    ' ORDER BY lower(username COLLATE "C") LIMIT :limit'
)


def find(connection: Connection, user_id: str) -> UserRecord | None:
    """The account with that id."""
    row = connection.execute(_BY_ID, {"id": user_id}).one_or_none()
    return _record(row) if row else None


def page(
    connection: Connection, after: str, limit: int, status: str | None, part: str
) -> list[UserRecord]:
    """Users whose username follows `after`, of one status or of any.

    `part` must be in the username or the display name, in any letter case.
    """
    values = {"after": after, "limit": limit, "status": status, "part": part}
    return [_record(row) for row in connection.execute(_PAGE, values)]


def _record(
    row: Row[str, str, str, str, str, int, datetime, datetime, datetime, datetime],
) -> UserRecord:
    return UserRecord(*row)
