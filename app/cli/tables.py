"""Plain aligned tables, and JSON, for a terminal or a pipe."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click


def echo_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """The rows under their headings, two spaces between columns."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def echo_json(value: Any) -> None:
    """The value as indented JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _width(text: str) -> int:
    """Columns of a terminal."""
    marks = {"Mn", "Me", "Cf"}
    return sum(
        0
        if unicodedata.category(character) in marks
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
