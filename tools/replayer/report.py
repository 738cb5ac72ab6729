"""What a replay prints: its progress, and the texts at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from clients.python.live_scoreboard_client import Row
from tools.replayer.comparison import Standing, differences
from tools.replayer.tally import Tally

TOP_ROWS = 10
MINUTE_SECONDS = 60


@contextmanager
def progress_bar(title: str, total: int, tally: Tally, done: Callable[[], int]) -> Iterator[None]:
    """Show the progress on a terminal, as often as the tally changes."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waits]} waits for a limit"),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=total, waits=tally.limit_waits)

        def show() -> None:
            progress.update(task, completed=done(), waits=tally.limit_waits)

        try:
            tally.on_change = show
            yield
        finally:
            # A reply that comes after Ctrl-C must not redraw the bar.
            tally.on_change = lambda: None


def summary(source: str, players: int, tally: Tally, seconds: float) -> str:
    """The replay in one sentence."""
    before = f", {tally.repeated} of them counted by an earlier replay" if tally.repeated else ""
    return (
        f"{source}: {tally.points} points of {players} players in {duration(seconds)}{before}; "
        f"{tally.limit_waits} waits for a limit (429), "
        f"{tally.failures} calls repeated after a lost reply or a 5xx."
    )


def duration(seconds: float) -> str:
    """For people: 7.3 s, 3 min 12 s."""
    if seconds < MINUTE_SECONDS:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), MINUTE_SECONDS)
    return f"{minutes} min {rest} s"


def print_top(console: Console, rows: Sequence[Row]) -> None:
    """Print the first ten rows of the board."""
    table = Table("Rank", "Player", "Points", title="The board's top ten")
    for row in rows[:TOP_ROWS]:
        table.add_row(str(row["rank"]), Text(row["displayName"]), str(row["score"]))
    for column in (0, 2):
        table.columns[column].justify = "right"
    console.print(table)


def standings_of(rows: Sequence[Row], names: Mapping[str, str]) -> dict[str, Standing]:
    """The standings of the players in `names` (username to name).

    If the board has other players, these players are ranked among themselves.
    """
    own = [row for row in rows if row["username"] in names]
    if len(own) == len(rows):
        return {names[row["username"]]: Standing(row["rank"], row["score"]) for row in rows}
    standings: dict[str, Standing] = {}
    for position, row in enumerate(own, start=1):
        tied = position > 1 and own[position - 2]["score"] == row["score"]
        rank = standings[names[own[position - 2]["username"]]].rank if tied else position
        standings[names[row["username"]]] = Standing(rank, row["score"])
    return standings


def describe_differences(
    against: str, expected: Mapping[str, Standing], board: Mapping[str, Standing]
) -> list[str]:
    """The lines to print about the differences; empty if there are none."""
    found = differences(expected, board)
    if not found:
        return []
    plural = "difference" if len(found) == 1 else "differences"
    return [f"{len(found)} {plural} to {against}:", *(f"  {line}" for line in found)]
