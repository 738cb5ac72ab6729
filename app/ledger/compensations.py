"""Compensations: acts of a player that are taken back, on any board and in each of its periods."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

_TAKE_BACK = text(
    "SELECT done, acts, points FROM take_back(:user_id, :board_id,"
    " coalesce(CAST(:since AS timestamptz), '-infinity'))"
)
# A period that began before the ledger can't be made from the acts that remain.
_INCOMPLETE = text(
    "SELECT EXISTS (SELECT FROM standings s JOIN boards b ON b.id = s.board_id"
    " WHERE s.board_id = :board_id AND s.user_id = :user_id AND b.created_at < :begin"
    " AND s.starts_on <= CAST(CAST(:begin AS timestamptz) AT TIME ZONE b.time_zone AS date)"
    " AND s.starts_on >= period_start(s.period, b.time_zone, CAST(:since AS timestamptz)))"
)


class TakenBack(NamedTuple):
    """What a compensation takes back."""

    done: bool
    """False if there was nothing to take back."""
    acts: int
    """Without those in detached months."""
    points: int
    """The sum of their points."""


NOTHING_TAKEN = TakenBack(done=False, acts=0, points=0)


def take_back(
    connection: Connection, user_id: str, board_id: int, since: datetime | None
) -> TakenBack:
    """Take back the user's acts on the board since that moment; None: all of them.

    Each period of the acts then shows the score of the remaining acts. The user's row must be
    locked by this transaction.
    """
    values = {"user_id": user_id, "board_id": board_id, "since": since}
    return TakenBack(*connection.execute(_TAKE_BACK, values).one())


def needs_older_acts(
    connection: Connection, user_id: str, board_id: int, since: datetime, begin: datetime
) -> bool:
    """Whether a period that contains `since`, or a later one, began before the ledger does."""
    values = {"user_id": user_id, "board_id": board_id, "since": since, "begin": begin}
    return bool(connection.execute(_INCOMPLETE, values).scalar_one())
