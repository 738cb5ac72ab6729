"""`flask boards`: create boards, list, rename, export and archive them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import click

from app.api.boards.board_json import board_json
from app.api.boards.final_table import TABLE_FORMATS, TableFormat, signed_table
from app.api.boards.standings_csv import csv_lines
from app.boards.board import (
    BETTER,
    COMBINE,
    PERIODS,
    SCORED_BY,
    Better,
    Board,
    BoardSettings,
    Combine,
    ScoredBy,
)
from app.cli.boards.arguments import Periods, Points, clock_change, clock_options
from app.cli.boards.group import boards, confirm, echo_clock, find, key_argument
from app.cli.operators import initiator, optional_reason, services
from app.cli.output import echo_json, echo_table, example, table_or_json
from app.cli.time_arguments import Since
from app.contract.standings import PeriodKind

MAX_LISTED = 10_000


@boards.command(
    "create",
    epilog=example("flask boards create quiz-night --title 'Quiz night' --points 0..1000"),
)
@key_argument
@click.option("--title", required=True, help="The name to show.")
@click.option(
    "--scored-by",
    type=click.Choice(SCORED_BY),
    default="service",
    help="players: by action tokens, one point each. service: by a service key.",
)
@click.option("--better", type=click.Choice(BETTER), default="high", help="Which score is better.")
@click.option(
    "--combine",
    type=click.Choice(COMBINE),
    default="sum",
    help="How a player's acts make the score.",
)
@click.option("--points", type=Points(), default="1..1", help="Points of one act.")
@click.option("--periods", type=Periods(), default="all", help="The first one is the default.")
@click.option("--time-zone", default="UTC", help="IANA name; decides when a day begins.")
@clock_options
@optional_reason
def create(
    key: str,
    title: str,
    scored_by: ScoredBy,
    better: Better,
    combine: Combine,
    points: tuple[int, int],
    periods: tuple[PeriodKind, ...],
    time_zone: str,
    reason: str,
    **times: datetime | Literal["now", "none"] | None,
) -> None:
    """Create a board. Only its title and its times can be changed later.

    KEY is its address: 1 to 64 of a-z, 0-9 and '-'.
    """
    settings = BoardSettings(
        key, title, better, combine, scored_by, *points, periods=periods, time_zone=time_zone
    )
    board = services().boards.create(initiator(reason), settings, clock_change(times))
    click.echo(f"Created the board {board.settings.key}")


@boards.command("list", epilog=example("flask boards list --archived"))
@click.option("--archived", is_flag=True, help="Archived boards too.")
@table_or_json
def list_boards(output_format: str, *, archived: bool) -> None:
    """List the boards by key."""
    found, _ = services().boards.page("", MAX_LISTED, archived=archived)
    if output_format == "json":
        echo_json([board_json(board) for board in found])
    else:
        headings = ("KEY", "TITLE", "SCORED BY", "BETTER", "COMBINE", "PERIODS", "STATE")
        echo_table(headings, [_row(board) for board in found])


@boards.command("show", epilog=example("flask boards show quiz-night"))
@key_argument
def show(key: str) -> None:
    """Show the settings of a board."""
    for name, value in board_json(find(key)).items():
        click.echo(f"{name:<12}{_shown(value)}")


@boards.command("edit", epilog=example("flask boards edit quiz-night --title 'Quiz night 2'"))
@key_argument
@click.option("--title", help="The name to show.")
@click.option("--periods", type=Periods(), help="Only of main: all,day,week,month to add to all.")
@clock_options
@optional_reason
def edit(
    key: str,
    title: str | None,
    periods: tuple[PeriodKind, ...] | None,
    reason: str,
    **times: datetime | Literal["now", "none"] | None,
) -> None:
    """Change the title or the times of a board, or give main further periods.

    The times can be changed while the board is open. A period that is added counts the points from
    10 seconds later on.
    """
    change = clock_change(times)
    if title is None and periods is None and not change:
        raise click.UsageError("Give --title, --periods or a time.")
    board = services().boards.edit(initiator(reason), key, title, periods, change)
    if title is not None:
        click.echo(f"The title of {key} is {board.settings.title!r}")
    if periods is not None:
        click.echo(f"The periods of {key} are {', '.join(board.settings.periods)}")
    if change:
        echo_clock(board)


@boards.command("freeze", epilog=example("flask boards freeze quiz-night --yes"))
@key_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def freeze(key: str, reason: str, *, yes: bool) -> None:
    """Hide the acts from now on. They are counted, and shown when the board is unfrozen."""
    confirm(key, "Freeze {board} now?", yes=yes)
    echo_clock(services().boards.edit(initiator(reason), key, times={"freezes_at": "now"}))


@boards.command("unfreeze", epilog=example("flask boards unfreeze quiz-night --yes"))
@key_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def unfreeze(key: str, reason: str, *, yes: bool) -> None:
    """Show all hidden acts at once. This can't be undone."""
    confirm(key, "Show all hidden acts of {board}?", yes=yes)
    echo_clock(services().freezes.unfreeze(initiator(reason), key))


@boards.command("archive", epilog=example("flask boards archive quiz-night --yes"))
@key_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def archive(key: str, reason: str, *, yes: bool) -> None:
    """Refuse further acts for good. The standings stay readable."""
    confirm(key, "Archive {board} for good?", yes=yes)
    services().boards.archive(initiator(reason), key)
    click.echo(f"Archived the board {key}")


@boards.command("export", epilog=example("flask boards export quiz-night"))
@key_argument
@click.option("--period", type=click.Choice(PERIODS), help="Default: the board's first period.")
@click.option("--at", type=Since(), help="A moment of the period. Default: now.")
@click.option(
    "--signed",
    type=click.Choice(TABLE_FORMATS),
    help="The final table as a JWS of JSON or CSV. Default period: that of the contest.",
)
def export(
    key: str, period: PeriodKind | None, at: datetime | None, signed: TableFormat | None
) -> None:
    """Print all standings of a period as CSV, or those of a final board signed."""
    if signed:
        table = services().final_tables.read(key, period, at)
        click.echo(signed_table(services().table_signer, table, signed))
        return
    board = find(key)
    chosen = services().standings.period(board, period, at)
    for line in csv_lines(services().standings.export(board, chosen)):
        click.echo(line, nl=False)


def _row(board: Board) -> tuple[object, ...]:
    settings = board.settings
    return (
        settings.key,
        settings.title,
        settings.scored_by,
        settings.better,
        settings.combine,
        ",".join(settings.periods),
        board.state,
    )


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['min']}..{value['max']}"
    if isinstance(value, list):
        return ", ".join(value)
    return "-" if value is None else str(value)
