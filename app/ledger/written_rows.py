"""Rows that were written since a moment, which the reconciler publishes again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

CHUNK_PAGES = 2_048
"""Pages that one statement reads, 16 MB, so that it is short however large the table is."""
_PAGES = text(
    "SELECT pg_relation_size(CAST(:table AS regclass))"
    " / CAST(current_setting('block_size') AS integer)"
)


class Since(NamedTuple):
    """A moment."""

    time: int
    """µs since 1970, by PostgreSQL's clock."""
    transaction_id: int | None = None
    """Selects also what this transaction or a later one has written, whatever the clock was. That
    reads the whole table. The id is at most 2^31 older than the newest."""


class WrittenRows:
    """Reads the rows of one table that were written since a moment, and perhaps others."""

    def __init__(self, select: str, table: str, written_at: str) -> None:
        """`select` has no WHERE; the column `written_at` of its table is NULL in rows to omit."""
        self._table = table
        self._by_time = text(f"{select} WHERE {table}.{written_at} >= to_timestamp(:since / 1e6)")
        # The id of a row has 32 bits, so it can be compared by its age only.
        self._by_transaction = text(
            f"{select} WHERE {table}.{written_at} IS NOT NULL"
            f" AND {table}.ctid >= CAST(:first AS tid) AND {table}.ctid < CAST(:after AS tid)"
            f" AND age({table}.xmin) <= age(CAST(CAST(:since AS xid8) AS xid))"
        )

    def read(
        self, connection: Connection, since: Since, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[list[tuple[Any, ...]]]:
        """The selected columns, in chunks. A row may be in two chunks.

        `parameters` are those of the select.
        """
        given = dict(parameters or {})
        found = connection.execute(self._by_time, given | {"since": since.time})
        yield [tuple(row) for row in found]
        if since.transaction_id is None:
            return
        pages = connection.execute(_PAGES, {"table": self._table}).scalar_one()
        for page in range(0, pages, CHUNK_PAGES):
            values = {
                "since": str(since.transaction_id),
                "first": f"({page},0)",
                "after": f"({page + CHUNK_PAGES},0)",
            }
            found = connection.execute(self._by_transaction, given | values)
            yield [tuple(row) for row in found]
