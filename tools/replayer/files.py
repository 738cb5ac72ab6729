"""Reads the two CSV files of a replay: the events, and a published table to compare with."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.accounts.display_names import display_name
from app.contract.errors import ValidationFailed
from tools.replayer.comparison import Standing

MAX_SECONDS = 10_000_000_000
"""Enough for seconds since 1970."""
MAX_POINTS_OF_ROW = 1_000_000
MAX_POINTS_OF_FILE = 10_000_000
"""At about 1,000 points a second, the replay takes three hours."""
MAX_STANDING = 1_000_000_000_000

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
_SHOWN_CHARACTERS = 40
_OTHER_DELIMITERS = (";", "\t", "|")


class UnreadableFile(Exception):
    """The file can't be used; the message has its path, the line and the reason."""


@dataclass(frozen=True)
class Event:
    """One row: `at` in seconds on the file's time axis, `points` at least 1."""

    at: float
    player: str
    points: int


def read_events(path: Path, rows: int | None = None) -> list[Event]:
    """The first `rows` events in the file's order, or all; raises UnreadableFile."""
    events: list[Event] = []
    total = 0
    for row in _rows(path, ("at_seconds", "player", "points")):
        if len(events) == rows:
            break
        points = row.whole_number("points", 1, MAX_POINTS_OF_ROW)
        total += points
        if total > MAX_POINTS_OF_FILE:
            raise row.error(f"with this row the file has more than {MAX_POINTS_OF_FILE:,} points")
        events.append(Event(row.seconds("at_seconds"), row.name("player"), points))
    if not events:
        raise UnreadableFile(f"{path}: it has no events")
    return events


def read_table(path: Path) -> dict[str, Standing]:
    """A published table, `rank,player,points`, by player; raises UnreadableFile."""
    table: dict[str, Standing] = {}
    for row in _rows(path, ("rank", "player", "points")):
        name = row.name("player")
        if name in table:
            raise row.error(f"{name} is in the table twice")
        rank = row.whole_number("rank", 1, MAX_STANDING)
        table[name] = Standing(rank, row.whole_number("points", 0, MAX_STANDING))
    return table


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    fields: dict[str, str]

    def seconds(self, column: str) -> float:
        try:
            number = float(self.fields[column])
        except ValueError:
            number = math.nan
        if not abs(number) <= MAX_SECONDS:
            limits = f"from {-MAX_SECONDS:,} to {MAX_SECONDS:,}"
            raise self._wrong(column, f"needs a number {limits}, such as 12.5")
        return number

    def whole_number(self, column: str, minimum: int, maximum: int) -> int:
        text = self.fields[column].strip()
        number = int(text) if _WHOLE_NUMBER.fullmatch(text) else None
        if number is None or not minimum <= number <= maximum:
            limits = f"from {minimum} to {maximum:,}"
            raise self._wrong(column, f"needs a whole number {limits}, such as 1")
        return number

    def name(self, column: str) -> str:
        """The name as the API stores it."""
        try:
            return display_name(self.fields[column])
        except ValidationFailed as refusal:
            raise self._wrong(column, f"needs a name that the API accepts ({refusal})") from None

    def error(self, reason: str) -> UnreadableFile:
        return UnreadableFile(f"{self.path}, line {self.line}: {reason}")

    def _wrong(self, column: str, needs: str) -> UnreadableFile:
        text = self.fields[column]
        cut = text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
        return self.error(f"{column} {needs}, not {cut!r}")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    """The rows below the header; lines without any text are left out."""
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        _check_header(path, next(reader, []), columns)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                reason = f"{len(cells)} columns, not {len(columns)} ({','.join(columns)})"
                raise UnreadableFile(f"{path}, line {reader.line_num}: {reason}")
            yield _Row(path, reader.line_num, dict(zip(columns, cells, strict=True)))
    except csv.Error as error:
        raise UnreadableFile(f"{path}, line {reader.line_num}: {error}") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(f"{path}, line {line}: it is not UTF-8; save it as UTF-8") from error


def _check_header(path: Path, header: list[str], columns: tuple[str, ...]) -> None:
    if tuple(cell.strip() for cell in header) == columns:
        return
    reason = f"the first line must be {','.join(columns)}"
    found = ",".join(header)
    if not found.strip():
        raise UnreadableFile(f"{path}: {reason}; it is empty")
    for delimiter in _OTHER_DELIMITERS:
        if tuple(found.split(delimiter)) == columns:
            raise UnreadableFile(f"{path}: {reason}; its columns are separated by {delimiter!r}")
    raise UnreadableFile(f"{path}: {reason}, not {found[:_SHOWN_CHARACTERS]!r}")
