"""`flask users`: who is there, and what is done to them (acts.py)."""

from __future__ import annotations

import click

from app.cli.acts import ACTS
from app.cli.moments import shown
from app.cli.operators import OperatorGroup, find, services
from app.cli.tables import echo_json, echo_table
from app.services.records_json import user_json
from app.stores.user_records import UserRecord

users = OperatorGroup("users", help="Accounts: list, show, and moderate.")
for command in ACTS:
    users.add_command(command)

RECENT = 5


@users.command("list")
@click.option("--status", type=click.Choice(["active", "flagged", "banned"]))
@click.option("--after", default="", metavar="USERNAME", help="Those whose name follows this one.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def list_users(status: str | None, after: str, limit: int, form: str) -> None:
    """List users by name."""
    page = services().inspection.users(after=after, limit=limit, status=status)
    if form == "json":
        echo_json([user_json(user) for user in page.users])
    else:
        headings = ("USERNAME", "DISPLAY NAME", "SCORE", "STATUS", "ROLE", "LAST LOGIN")
        echo_table(headings, [_row(user) for user in page.users])
    if page.more:
        click.echo(f"More follow: --after {page.users[-1].username}", err=True)


@users.command("show")
@click.argument("user")
def show(user: str) -> None:
    """Show one user, latest events and acts."""
    inspection = services().inspection
    record = inspection.user(find(user).id)
    rank = inspection.rank(record)
    facts = {
        "id": record.id,
        "username": record.username,
        "display name": record.display_name,
        "score": record.score,
        "rank": rank if rank else "not on the board",
        "status": _status(record),
        "role": record.role,
        "registered": shown(record.created_at),
        "last login": shown(record.last_login_at),
    }
    for name, value in facts.items():
        click.echo(f"{name:<14}{value}")
    events = inspection.fraud_events(user_id=record.id, limit=RECENT)
    if events:
        click.echo(f"\nLatest fraud events (at most {RECENT}):")
        found = [(shown(each.created_at), each.action, each.reason) for each in events]
        echo_table(("TIME", "ACTION", "REASON"), found)
    entries = inspection.audit(user_id=record.id, limit=RECENT)
    if entries:
        click.echo(f"\nLatest acts (at most {RECENT}):")
        acts = [(shown(each.at), each.actor, each.act, each.reason) for each in entries]
        echo_table(("TIME", "WHO", "ACT", "REASON"), acts)


def _row(user: UserRecord) -> tuple[object, ...]:
    last_login = shown(user.last_login_at)
    return user.username, user.display_name, user.score, _status(user), user.role, last_login


def _status(user: UserRecord) -> str:
    until = user.banned_until or user.flagged_until
    return f"{user.status} until {shown(until)}" if until else user.status
