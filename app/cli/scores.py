"""`flask scores`: take points back."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.operators import OperatorGroup, find, initiator, report, required_reason, services
from app.cli.output import example
from app.cli.time_arguments import Since

scores = OperatorGroup("scores", help="Points of users.")


@scores.command("revoke", epilog=example("flask scores revoke ada --since 2h --reason 'a script'"))
@click.argument("user")
@click.option("--since", type=Since(), help="Only points since then: 2h (ago) or an ISO 8601 time.")
@required_reason
def revoke(user: str, since: datetime | None, reason: str) -> None:
    """Take back all points of a user, or those since a time.

    The ledger gets an action that compensates them; no action is deleted.
    """
    found, by = find(user), initiator(reason)
    performed = services().moderation.revoke_points(by, found.id, since)
    score = services().moderation_reads.user(found.id).score
    report(
        performed,
        f"Took {performed.revoked_points} points back from {found.username}; the score is {score}",
        f"{found.username} has no points to take back; the score is {score}",
    )
