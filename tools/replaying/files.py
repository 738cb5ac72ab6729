"""The two CSV files of a replay: the events, and the table that somebody published of them."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools.replaying.comparison import Place

LONGEST_NAME = 100
"""Characters of a displayName."""


class UnreadableFile(Exception):
    """The file can't be used; the message says which, where and why."""


@dataclass(frozen=True)
class Event:
    """One row: `at` in seconds of the file's own time, `points` at least 1."""

    at: float
    player: str
    points: int


def read_events(path: Path, rows: int | None = None) -> list[Event]:
    """The first `rows` events in the file's order, or all; raises UnreadableFile."""
    events: list[Event] = []
    for row in _rows(path, ("at_seconds", "player", "points")):
        if len(events) == rows:
            break
        events.append(Event(row.number("at_seconds"), row.name("player"), row.whole("points", 1)))
    if not events:
        raise UnreadableFile(f"{path}: no events in it")
    return events


def read_table(path: Path) -> dict[str, Place]:
    """A published table, `rank,player,points`, by player; raises UnreadableFile."""
    table: dict[str, Place] = {}
    for row in _rows(path, ("rank", "player", "points")):
        name = row.name("player")
        if name in table:
            raise row.unreadable(f"{name} was there before")
        table[name] = Place(row.whole("rank", 1), row.whole("points", 0))
    return table


@dataclass(frozen=True)
class _Row:
    path: Path
    line: int
    fields: dict[str, str]

    def number(self, column: str) -> float:
        try:
            number = float(self.fields[column])
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.unreadable(f"{column} is no number: {self.fields[column]!r}")
        return number

    def whole(self, column: str, minimum: int) -> int:
        try:
            number = int(self.fields[column])
        except ValueError:
            raise self.unreadable(f"{column} is no whole number: {self.fields[column]!r}") from None
        if number < minimum:
            raise self.unreadable(f"{column} is less than {minimum}: {number}")
        return number

    def name(self, column: str) -> str:
        name = self.fields[column]
        if not name.strip() or len(name) > LONGEST_NAME:
            raise self.unreadable(f"{column} needs 1 to {LONGEST_NAME} characters: {name[:50]!r}")
        return name

    def unreadable(self, why: str) -> UnreadableFile:
        return UnreadableFile(f"{self.path}, line {self.line}: {why}")


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if tuple(header) != columns:
                raise UnreadableFile(f"{path}: the first line must be {','.join(columns)}")
            for cells in reader:
                if len(cells) != len(columns):
                    raise UnreadableFile(
                        f"{path}, line {reader.line_num}: {len(cells)} columns, not {len(columns)}"
                    )
                yield _Row(path, reader.line_num, dict(zip(columns, cells, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(f"{path}: {error}") from error
