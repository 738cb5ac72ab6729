"""Positions in PostgreSQL's write-ahead log: what is written, and what a replica has replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, text

from app.storage.database import Database

# The insert position, not the flushed one, because it is after every commit, also an asynchronous
# one. Every role can read the current timeline from the file name; control data learn it later.
_CURRENT = (
    "SELECT (SELECT system_identifier FROM pg_control_system())::text,"
    " ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::bigint, (lsn - '0/0')::bigint"
    " FROM pg_current_wal_insert_lsn() AS lsn"
)
# A replica can't ask for the file name. Its control data show a new timeline some time after the
# switch, never before it. So a replica of a new primary counts as caught up a little later.
_REPLAYED = text(
    "SELECT (SELECT system_identifier FROM pg_control_system())::text,"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery())::bigint,"
    " (pg_last_wal_replay_lsn() - '0/0')::bigint WHERE pg_is_in_recovery()"
)


@dataclass(frozen=True)
class WalPosition:
    """A position in the log of one PostgreSQL system; a promotion starts a new timeline."""

    system: str
    timeline: int
    lsn: int
    """Bytes since the beginning of the log."""

    def dump(self) -> str:
        """The position in the form that apply.lua compares."""
        return f"{self.system}:{self.timeline}:{self.lsn}"

    @classmethod
    def load(cls, dumped: str) -> Self:
        """The position of which `dumped` is the dump."""
        system, timeline, lsn = dumped.split(":")
        return cls(system, int(timeline), int(lsn))

    def same_history(self, other: WalPosition) -> bool:
        """Whether the two are of one system and timeline, so that their lsn can be compared."""
        return (self.system, self.timeline) == (other.system, other.timeline)


def current_position(primary: Database) -> WalPosition:
    """The end of the primary's log, after everything committed so far."""
    (row,) = primary.query(_CURRENT, {})
    return WalPosition(*row)


def replayed_position(connection: Connection) -> WalPosition | None:
    """How far a replica has replayed the log; None if the server is not a replica (any more)."""
    row = connection.execute(_REPLAYED).one_or_none()
    return WalPosition(*row) if row and row[2] is not None else None
