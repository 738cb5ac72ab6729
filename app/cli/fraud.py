"""`flask fraud`: what the rules found."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime

import click

from app.cli.moments import Since, shown
from app.cli.operators import OperatorGroup, find, services
from app.cli.tables import echo_json, echo_table
from app.services.records_json import event_json
from app.stores.fraud_events import FraudEvent

_CSV_COLUMNS = (
    "id",
    "createdAt",
    "userId",
    "username",
    "rule",
    "kind",
    "action",
    "reason",
    "evidence",
)

fraud = OperatorGroup("fraud", help="What the fraud rules found.")


@fraud.command("events")
@click.option("--user", help="Of this user only: a username or id.")
@click.option("--since", type=Since(), help="2h ago, or an ISO 8601 time.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
def events(user: str | None, since: datetime | None, form: str, limit: int) -> None:
    """List fraud events, the newest first; JSON and CSV have the evidence too."""
    user_id = find(user).id if user is not None else None
    found = services().inspection.fraud_events(user_id=user_id, since=since, limit=limit)
    match form:
        case "json":
            echo_json([event_json(event) for event in found])
        case "csv":
            _echo_csv(found)
        case _:
            headings = ("TIME", "USER", "RULE", "KIND", "ACTION", "REASON")
            echo_table(headings, [_row(event) for event in found])


def _row(event: FraudEvent) -> tuple[str, ...]:
    time = shown(event.created_at)
    return time, event.username, event.rule, event.kind, event.action, event.reason


def _echo_csv(found: Sequence[FraudEvent]) -> None:
    writer = csv.DictWriter(sys.stdout, _CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    for event in found:
        writer.writerow(event_json(event) | {"evidence": json.dumps(event.evidence)})
