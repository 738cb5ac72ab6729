"""`flask scores`: take points back."""

from __future__ import annotations

from datetime import datetime

import click

from app.boards.board import MAIN_KEY, board_key
from app.cli.operators import (
    OperatorGroup,
    checked,
    find,
    initiator,
    report,
    required_reason,
    services,
)
from app.cli.output import example
from app.cli.time_arguments import Since

scores = OperatorGroup("scores", help="Points of users.")


@scores.command(
    "revoke", epilog=example("flask scores revoke ada --since 2h --reason 'a script' --yes")
)
@click.argument("user")
@click.option("--since", type=Since(), help="Only points since then: 2h (ago) or an ISO 8601 time.")
@click.option("--board", default=MAIN_KEY, help="The key of another board than main.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@required_reason
def revoke(user: str, since: datetime | None, board: str, reason: str, *, yes: bool) -> None:
    """Take back all points of a user on a board, or those since a time.

    Every day, week and month of these points shows what remains. No action is deleted.
    """
    found, by, board = find(user), initiator(reason), checked("--board", board_key, board)
    if not yes:
        which = f"scored since {since:%Y-%m-%d %H:%M:%S}" if since else "ever scored"
        click.confirm(f"Take back what {found.username} {which} on {board}?", abort=True)
    performed = services().moderation.revoke_points(by, found.id, since, board)
    if board == MAIN_KEY:
        score = services().moderation_reads.user(found.id).score
        report(
            performed,
            f"Took {performed.revoked_points} points back from {found.username};"
            f" the score is {score}",
            f"{found.username} has no points to take back; the score is {score}",
        )
    else:
        report(
            performed,
            f"Took {performed.revoked_acts} acts with {performed.revoked_points} points back from"
            f" {found.username} on {board}",
            f"{found.username} has no points to take back on {board}",
        )
