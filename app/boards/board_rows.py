"""SQL of boards: insert, find, change their titles, periods and clocks, and archive them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from app.boards.board import Board, BoardSettings
from app.boards.clock import Clock

# ruff: noqa: S608 - the parts are constants of this module

_COLUMNS = (
    "id, key, title, better, combine, scored_by, min_points, max_points, periods, time_zone,"
    " created_at, archived_at, opens_at, freezes_at, closes_at, thawed_at,"
    " finalized_at, clock_timestamp() AS read_at"
)
_INSERT = text(
    "INSERT INTO boards"
    " (key, title, better, combine, scored_by, min_points, max_points, periods, time_zone,"
    " opens_at, freezes_at, closes_at)"
    " VALUES (:key, :title, :better, :combine, :scored_by, :min_points, :max_points, :periods,"
    " :time_zone, :opens_at, :freezes_at, :closes_at)"
    f" ON CONFLICT (key) DO NOTHING RETURNING {_COLUMNS}"
)
_LIST = text(
    f"SELECT {_COLUMNS} FROM boards WHERE key > :after AND (:archived OR archived_at IS NULL)"
    " ORDER BY key LIMIT :limit"
)
_BY_KEYS = text(f"SELECT {_COLUMNS} FROM boards WHERE key = ANY(:keys)")
_SET_TITLE = text("UPDATE boards SET title = :title WHERE id = :id AND title <> :title")
# An entry of periods_from is null if the period has counted since the board was created.
_ADD_PERIODS = text(
    "UPDATE boards SET periods = periods || CAST(:added AS text[]), periods_from = periods_from"
    " || array_fill(CAST(NULL AS timestamptz),"
    "   ARRAY[cardinality(periods) - cardinality(periods_from)])"
    " || array_fill(clock_timestamp() + :lead_seconds * interval '1 s', ARRAY[:number])"
    " WHERE id = :id"
)
_LOCK_CLOCK = text("SELECT lock_clock_alone(:id)")
_SET_CLOCK = text(
    "UPDATE boards SET opens_at = :opens_at, freezes_at = :freezes_at, closes_at = :closes_at,"
    " thawed_at = :thawed_at WHERE id = :id"
    " AND (opens_at, freezes_at, closes_at, thawed_at) IS DISTINCT FROM"
    " (CAST(:opens_at AS timestamptz), CAST(:freezes_at AS timestamptz),"
    "   CAST(:closes_at AS timestamptz), CAST(:thawed_at AS timestamptz))"
)
_UNFREEZE = text(
    "UPDATE boards SET thawed_at = date_trunc('milliseconds', clock_timestamp()) WHERE id = :id"
)
_FINALIZE = text(
    "UPDATE boards SET finalized_at = date_trunc('milliseconds', clock_timestamp()) WHERE id = :id"
)
_NOW = text(
    "SELECT date_trunc('milliseconds', clock_timestamp()) + interval '1 ms', pg_sleep(0.001)"
)
_ARCHIVE = text(
    "UPDATE boards SET archived_at = clock_timestamp() WHERE id = :id AND archived_at IS NULL"
)


def insert(connection: Connection, settings: BoardSettings, clock: Clock) -> Board | None:
    """Insert a board; None if its key is taken."""
    values = vars(settings) | vars(clock) | {"periods": list(settings.periods)}
    row = connection.execute(_INSERT, values).one_or_none()
    return _board(row) if row else None


def boards_after(
    connection: Connection, after: str, limit: int, *, archived: bool = False
) -> list[Board]:
    """The next boards in the order of keys; archived ones only if asked for."""
    values = {"after": after, "limit": limit, "archived": archived}
    return [_board(row) for row in connection.execute(_LIST, values)]


def find_all(connection: Connection, keys: Sequence[str]) -> dict[str, Board]:
    """The boards of these keys that exist, by key."""
    rows = connection.execute(_BY_KEYS, {"keys": list(keys)})
    return {board.settings.key: board for board in map(_board, rows)}


def set_title(connection: Connection, board_id: int, title: str) -> bool:
    """Change the title; False if the board has it already."""
    return connection.execute(_SET_TITLE, {"id": board_id, "title": title}).rowcount == 1


def lock_clock(connection: Connection, board_id: int) -> None:
    """Wait for the acts that are being counted on the board; later ones wait for the caller."""
    connection.execute(_LOCK_CLOCK, {"id": board_id})


def set_clock(connection: Connection, board_id: int, clock: Clock) -> bool:
    """Change the clock, which is locked; False if the board has these times already."""
    return connection.execute(_SET_CLOCK, vars(clock) | {"id": board_id}).rowcount == 1


def unfreeze(connection: Connection, board_id: int) -> None:
    """End the freeze of the board, whose clock must be locked by this transaction."""
    connection.execute(_UNFREEZE, {"id": board_id})


def finalize(connection: Connection, board_id: int) -> None:
    """Make the standings final, of a closed board whose clock is locked."""
    connection.execute(_FINALIZE, {"id": board_id})


def now(connection: Connection) -> datetime:
    """The time by PostgreSQL's clock, in whole milliseconds.

    It is later than all that happened before the call, and has passed at the end of the call.
    """
    moment: datetime = connection.execute(_NOW).one()[0]
    return moment


def add_periods(
    connection: Connection, board_id: int, added: Sequence[str], lead_seconds: float
) -> None:
    """Add periods that count after the lead, to a board whose clock is locked."""
    values = {
        "id": board_id,
        "added": list(added),
        "number": len(added),
        "lead_seconds": lead_seconds,
    }
    connection.execute(_ADD_PERIODS, values)


def archive(connection: Connection, board_id: int) -> bool:
    """Refuse further acts; False if the board was archived before."""
    return connection.execute(_ARCHIVE, {"id": board_id}).rowcount == 1


def _board(row: Any) -> Board:
    settings = BoardSettings(
        row.key,
        row.title,
        row.better,
        row.combine,
        row.scored_by,
        row.min_points,
        row.max_points,
        tuple(row.periods),
        row.time_zone,
    )
    clock = Clock(row.opens_at, row.freezes_at, row.closes_at, row.thawed_at, row.finalized_at)
    return Board(row.id, settings, row.created_at, row.archived_at, clock, row.read_at)
