"""`flask fraud`: events of the fraud rules."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime

import click

from app.api.admin.records import FRAUD_EVENT_FIELDS, fraud_event_json
from app.cli.operators import OperatorGroup, find, services
from app.cli.output import echo_json, echo_table, example
from app.cli.time_arguments import Since, format_time
from app.moderation.fraud_event_rows import FraudEvent

fraud = OperatorGroup("fraud", help="Events of the fraud rules.")


@fraud.command("events", epilog=example("flask fraud events --user ada --since 2h"))
@click.option("--user", help="Only this user: a username or an id.")
@click.option("--since", type=Since(), help="Only events since then: 2h (ago) or an ISO 8601 time.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    help="Output format.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=50,
    help="Maximum number of events.",
)
def events(user: str | None, since: datetime | None, output_format: str, limit: int) -> None:
    """List fraud events, newest first. JSON and CSV contain the evidence too."""
    user_id = find(user).id if user is not None else None
    found = services().moderation_reads.fraud_events(user_id=user_id, since=since, limit=limit)
    match output_format:
        case "json":
            echo_json([fraud_event_json(event) for event in found])
        case "csv":
            _echo_csv(found)
        case _:
            headings = ("TIME", "USER", "RULE", "KIND", "ACTION", "REASON")
            echo_table(headings, [_row(event) for event in found])


def _row(event: FraudEvent) -> tuple[str, ...]:
    created_at = format_time(event.created_at)
    return created_at, event.username, event.rule, event.kind, event.action, event.reason


def _echo_csv(found: Sequence[FraudEvent]) -> None:
    writer = csv.DictWriter(sys.stdout, FRAUD_EVENT_FIELDS, lineterminator="\n")
    writer.writeheader()
    for event in found:
        writer.writerow(fraud_event_json(event) | {"evidence": json.dumps(event.evidence)})
