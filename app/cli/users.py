"""`flask users`: list and show users; user_commands.py has the commands that change one."""

from __future__ import annotations

import click

from app.api.admin.records import user_json
from app.cli.operators import OperatorGroup, find, services
from app.cli.output import echo_json, echo_table, example, table_or_json
from app.cli.time_arguments import format_time
from app.cli.user_commands import USER_COMMANDS
from app.moderation.user_record_rows import UserRecord

users = OperatorGroup("users", help="Accounts: list, show and moderate them.")
for command in USER_COMMANDS:
    users.add_command(command)

RECENT = 5


@users.command("list", epilog=example("flask users list --status banned"))
@click.option(
    "--status",
    type=click.Choice(["active", "flagged", "banned"]),
    help="Only users with this status.",
)
@click.option("--after", metavar="USERNAME", help="Start after this username.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    help="Maximum number of users.",
)
@table_or_json
def list_users(status: str | None, after: str | None, limit: int, output_format: str) -> None:
    """List users by name."""
    page = services().moderation_reads.users(after=after or "", limit=limit, status=status)
    if output_format == "json":
        echo_json([user_json(user) for user in page.users])
    else:
        headings = ("USERNAME", "DISPLAY NAME", "SCORE", "STATUS", "ROLE", "LAST LOGIN")
        echo_table(headings, [_row(user) for user in page.users])
    if page.more:
        click.echo(f"There are more users: --after {page.users[-1].username}", err=True)


@users.command("show", epilog=example("flask users show ada"))
@click.argument("user")
def show(user: str) -> None:
    """Show a user with the latest fraud events and audit entries.

    USER is a username or an id.
    """
    reads = services().moderation_reads
    record = reads.user(find(user).id)
    rank = reads.rank(record)
    fields = {
        "id": record.id,
        "username": record.username,
        "display name": record.display_name,
        "score": record.score,
        "rank": rank if rank else "not on the board",
        "status": _status(record),
        "role": record.role,
        "registered": format_time(record.created_at),
        "last login": format_time(record.last_login_at),
    }
    for name, value in fields.items():
        click.echo(f"{name:<14}{value}")
    events = reads.fraud_events(user_id=record.id, limit=RECENT)
    if events:
        click.echo(f"\nLatest fraud events (at most {RECENT}):")
        rows = [(format_time(each.created_at), each.action, each.reason) for each in events]
        echo_table(("TIME", "ACTION", "REASON"), rows)
    entries = reads.audit(user_id=record.id, limit=RECENT)
    if entries:
        click.echo(f"\nLatest audit entries (at most {RECENT}):")
        audit = [(format_time(each.at), each.actor, each.act, each.reason) for each in entries]
        echo_table(("TIME", "ACTOR", "ACT", "REASON"), audit)


def _row(user: UserRecord) -> tuple[object, ...]:
    last_login = format_time(user.last_login_at)
    return user.username, user.display_name, user.score, _status(user), user.role, last_login


def _status(user: UserRecord) -> str:
    until = user.banned_until or user.flagged_until
    return f"{user.status} until {format_time(until)}" if until else user.status
