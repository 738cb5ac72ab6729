"""The group `flask boards`, and what its commands share."""

from __future__ import annotations

import click

from app.boards.board import Board
from app.cli.operators import OperatorGroup, services
from app.cli.time_arguments import format_time

boards = OperatorGroup("boards", help="Boards of their own rules, beside the board main.")
key_argument = click.argument("key", metavar="KEY")


def find(key: str) -> Board:
    """The board with that key; raises NotFound."""
    return services().boards.find(key)


def confirm(key: str, question: str, *, yes: bool) -> None:
    """Ask whether to change the board, unless `yes`; ends the command if the answer is no.

    `{board}` in the question stands for the title and the key. Raises NotFound.
    """
    board = find(key)
    if not yes:
        click.confirm(question.format(board=f"{board.settings.title!r} ({key})"), abort=True)


def echo_clock(board: Board) -> None:
    """Print the state and the times of a board."""
    clock = board.clock
    freeze = ("freezes", "was frozen", clock.freezes_at)
    if clock.thawed_at:
        freeze = ("", "was unfrozen", clock.thawed_at)
    times = (
        ("opens", "was opened", clock.opens_at),
        freeze,
        ("closes", "was closed", clock.closes_at),
        ("", "was finalized", clock.finalized_at),
    )
    shown = "".join(
        f", {coming if time > board.read_at else past} at {format_time(time)}"
        for coming, past, time in times
        if time
    )
    click.echo(f"{board.settings.key} is {board.state}{shown}")
