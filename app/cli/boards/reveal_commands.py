"""`flask boards reveal`, `undo` and `finalize`: hidden acts are shown step by step."""

from __future__ import annotations

import click

from app.cli.boards.group import boards, confirm, echo_clock, key_argument
from app.cli.operators import initiator, optional_reason, services
from app.cli.output import example
from app.contest.reveal_rows import STEPS, StepKind
from app.contest.reveals import RevealState


@boards.command("reveal", epilog=example("flask boards reveal quiz-night --yes"))
@key_argument
@click.option(
    "--step",
    type=click.Choice(STEPS),
    default="act",
    help="One act of the lowest-ranked player with hidden acts, all acts of this player, or all.",
)
@click.option("--number", type=click.IntRange(1), help="Only if the step has this number.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def reveal(key: str, step: StepKind, number: int | None, reason: str, *, yes: bool) -> None:
    """Show hidden acts of a frozen board, those of the lowest-ranked player first."""
    confirm(key, "Reveal hidden acts of {board}?", yes=yes)
    _echo_reveal(services().reveals.reveal(initiator(reason), key, step, number))


@boards.command("undo", epilog=example("flask boards undo quiz-night --yes"))
@key_argument
@click.option("--number", type=click.IntRange(1), help="Only if the last step has this number.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def undo(key: str, number: int | None, reason: str, *, yes: bool) -> None:
    """Hide again what the last step of the reveal has shown."""
    confirm(key, "Undo the last step of {board}?", yes=yes)
    _echo_reveal(services().reveals.undo(initiator(reason), key, number))


@boards.command("finalize", epilog=example("flask boards finalize quiz-night --yes"))
@key_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@optional_reason
def finalize(key: str, reason: str, *, yes: bool) -> None:
    """Declare the standings of a closed board final. This can't be undone."""
    confirm(key, "Finalize {board}?", yes=yes)
    board = services().reveals.finalize(initiator(reason), key)
    echo_clock(board)
    if board.clock.hides_at(board.read_at):
        click.echo("The board stays frozen: reveal its acts, or unfreeze it")


def _echo_reveal(state: RevealState) -> None:
    for move in state.moves:
        name = _name(move.display_name, move.username)
        before = _place(move.from_rank, move.from_score)
        click.echo(f"{name}: from {before} to {_place(move.to_rank, move.to_score)}")
    player = state.next
    following = ""
    if player is not None:
        name = _name(player.display_name, player.username)
        following = f"; next is {name}, {_place(player.rank, player.score)}"
    click.echo(f"Step {state.number}; acts to reveal: {state.remaining}{following}")


def _name(display_name: str, username: str) -> str:
    return username if username == display_name else f"{display_name} ({username})"


def _place(rank: int | None, score: int | None) -> str:
    return "no place" if rank is None else f"rank {rank} with {score}"
