"""Standings as CSV (RFC 4180), the same for the API and the commands."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

from app.contract.standings import Standing

CSV_COLUMNS = ("rank", "userId", "username", "displayName", "score")
# A spreadsheet runs a cell that starts with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(rows: Iterable[Standing]) -> Iterator[str]:
    """A line with the names of the columns, then one for each row, all with their line ends."""
    yield ",".join(CSV_COLUMNS) + "\r\n"
    for row in rows:
        yield csv_line(row)


def csv_line(row: Standing, *more: object) -> str:
    """The line of one row, with further cells, and its line end."""
    buffer = io.StringIO()
    name = row.display_name
    shown = f"'{name}" if name.startswith(_FORMULA_STARTS) else name
    csv.writer(buffer).writerow([row.rank, row.user_id, row.username, shown, row.score, *more])
    return buffer.getvalue()
