"""What a replay says at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tools.replaying.board import BoardRow
from tools.replaying.comparison import Place, competition_ranks, differences
from tools.replaying.tally import Tally

TOP = 10
MINUTE = 60


def summary(source: str, players: int, tally: Tally, seconds: float) -> str:
    """The replay in one sentence."""
    return (
        f"{source}: {tally.points} points of {players} players in {duration(seconds)}; "
        f"{tally.limit_waits} waits for a limit (429), "
        f"{tally.failures} answers lost or 5xx and asked for again."
    )


def duration(seconds: float) -> str:
    """As people say it: 7.3 s, 3 min 12 s."""
    if seconds < MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE)
    return f"{minutes} min {rest} s"


def print_top(console: Console, rows: Sequence[BoardRow]) -> None:
    """The board's first ten rows."""
    table = Table("Rank", "Player", "Points", title="The board's top ten")
    for row in rows[:TOP]:
        table.add_row(str(row.rank), Text(row.display_name), str(row.score))
    for column in (0, 2):
        table.columns[column].justify = "right"
    console.print(table)


def places_of(rows: Sequence[BoardRow], names: Mapping[str, str]) -> dict[str, Place]:
    """The places of the players in `names` (userId to name).

    On a board of their own they are the board's; among others they are ranked among themselves.
    """
    own = [row for row in rows if row.user_id in names]
    if len(own) == len(rows):
        return {names[row.user_id]: Place(row.rank, row.score) for row in own}
    return competition_ranks({names[row.user_id]: row.score for row in own})


def verdict(against: str, expected: Mapping[str, Place], places: Mapping[str, Place]) -> list[str]:
    """The differences in lines to print, none when there are none."""
    found = differences(expected, places)
    if not found:
        return []
    plural = "difference" if len(found) == 1 else "differences"
    return [f"{len(found)} {plural} to {against}:", *(f"  {line}" for line in found)]
