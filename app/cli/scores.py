"""`flask scores`: points taken back."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.moments import Since
from app.cli.operators import OperatorGroup, act, find, report, required_reason, services

scores = OperatorGroup("scores", help="Points.")


@scores.command("revoke")
@click.argument("user")
@click.option("--since", type=Since(), help="Only points made since: 2h ago, or an ISO 8601 time.")
@required_reason
def revoke(user: str, since: datetime | None, reason: str) -> None:
    """Take points back, all or those since a moment, by an action that compensates them."""
    found, by = find(user), act(reason)
    performed = services().moderation.revoke_points(by, found.id, since)
    left = services().inspection.user(found.id).score
    report(
        performed,
        f"Took {performed.points} points back from {found.username}, who has {left} now",
        f"{found.username} has no points to take back; the score is {left}",
    )
