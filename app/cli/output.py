"""Output for a terminal or a pipe: aligned tables, JSON and help."""

from __future__ import annotations

import codecs
import io
import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import Any

import click

table_or_json = click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json"]),
    default="table",
    help="Output format.",
)


def echo_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print the rows under their headings, with two spaces between the columns."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(headings))]
    for row in cells:
        padded = (
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def echo_json(value: Any) -> None:
    """Print the value as indented JSON."""
    ascii_only = codecs.lookup(sys.stdout.encoding).name != "utf-8"
    click.echo(json.dumps(value, ensure_ascii=ascii_only, indent=2))


def escape_unencodable() -> None:
    """Have stdout write characters that its encoding lacks as escapes."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def example(command: str) -> str:
    """The last line of a command's help."""
    # \b keeps click from wrapping the line.
    return f"\b\nExample: {command}"


def _width(text: str) -> int:
    """The number of terminal columns that the text takes."""
    zero_width = {"Mn", "Me", "Cf"}
    return sum(
        0
        if unicodedata.category(character) in zero_width
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
