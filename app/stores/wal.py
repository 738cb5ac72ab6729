"""Positions in PostgreSQL's log: what the primary has written, what a replica has replayed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, text

from app.stores.database import Database

# The insert position, not the flushed one: it is behind every commit, synchronous or not. The
# file's name is where any role learns the present timeline; control data know it later.
_WRITTEN = (
    "SELECT (SELECT system_identifier FROM pg_control_system())::text,"
    " ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::bigint, (lsn - '0/0')::bigint"
    " FROM pg_current_wal_insert_lsn() AS lsn"
)
# On a replica there is no such file name. Control data know a new timeline some time after it came,
# never before, so a replica that was given a new primary only counts as caught up a little later.
_REPLAYED = text(
    "SELECT (SELECT system_identifier FROM pg_control_system())::text,"
    " (SELECT min_recovery_end_timeline FROM pg_control_recovery())::bigint,"
    " (pg_last_wal_replay_lsn() - '0/0')::bigint WHERE pg_is_in_recovery()"
)


@dataclass(frozen=True)
class WalPosition:
    """A place in the log of one database cluster; a promotion begins a new timeline of it."""

    system: str
    timeline: int
    lsn: int
    """Bytes since the log began."""

    def dump(self) -> str:
        """The position as place.lua compares it."""
        return f"{self.system}:{self.timeline}:{self.lsn}"

    @classmethod
    def load(cls, dumped: str) -> Self:
        """The position that dump made into `dumped`."""
        system, timeline, lsn = dumped.split(":")
        return cls(system, int(timeline), int(lsn))

    def same_history(self, other: WalPosition) -> bool:
        """Whether the two can be compared."""
        return (self.system, self.timeline) == (other.system, other.timeline)


def written(primary: Database) -> WalPosition:
    """The end of the primary's log: behind everything that is committed by now."""
    (row,) = primary.call(_WRITTEN, {})
    return WalPosition(*row)


def replayed(connection: Connection) -> WalPosition | None:
    """What a replica shows; None for a server that is no replica, or no longer."""
    row = connection.execute(_REPLAYED).one_or_none()
    return WalPosition(*row) if row and row[2] is not None else None
