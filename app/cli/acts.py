"""What `flask users` does to an account; each act is audited as the operator's."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import click
from flask.cli import with_appcontext

from app.cli.moments import Duration, shown
from app.cli.operators import act, checked, find, optional_reason, report, required_reason, services
from app.services import account_rules
from app.stores.users import User


@click.command("ban")
@click.argument("user")
@required_reason
@click.option("--for", "seconds", type=Duration(), help="30m, 2h or 7d; without it: until unban.")
@with_appcontext
def ban(user: str, reason: str, seconds: int | None) -> None:
    """Ban a user, until unbanned or for a time."""
    found, by = find(user), act(reason)
    until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
    performed = services().moderation.ban(by, found.id, until)
    report(performed, f"Banned {_named(found)} until {shown(until, 'unbanned')}")


@click.command("unban")
@click.argument("user")
@optional_reason
@with_appcontext
def unban(user: str, reason: str) -> None:
    """End a ban; the score is back too."""
    found, by = find(user), act(reason)
    performed = services().moderation.unban(by, found.id)
    report(performed, f"Unbanned {_named(found)}", f"{found.username} is not banned")


@click.command("flag")
@click.argument("user")
@click.option("--for", "seconds", type=Duration(), default=3600, help="30m, 2h or 7d; 1h without.")
@optional_reason
@with_appcontext
def flag(user: str, seconds: int, reason: str) -> None:
    """Halve a user's limits for a time."""
    found, by = find(user), act(reason)
    performed = services().moderation.flag(by, found.id, seconds)
    if not performed.done:
        raise click.ClickException(f"{found.username} is banned, so can't be flagged")
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    report(performed, f"Flagged {_named(found)} until {shown(until)}")


@click.command("unflag")
@click.argument("user")
@optional_reason
@with_appcontext
def unflag(user: str, reason: str) -> None:
    """Give a user the full limits back."""
    found, by = find(user), act(reason)
    performed = services().moderation.unflag(by, found.id)
    report(performed, f"Unflagged {_named(found)}", f"{found.username} is not flagged")


@click.command("rename")
@click.argument("user")
@click.option("--display-name", help="What the board shows.")
@click.option("--username", help="What the user logs in with.")
@optional_reason
@with_appcontext
def rename(user: str, display_name: str | None, username: str | None, reason: str) -> None:
    """Give another display name or username."""
    if display_name is None and username is None:
        raise click.UsageError("Say --display-name, --username or both.")
    if display_name is not None:
        display_name = checked("--display-name", account_rules.display_name, display_name)
    if username is not None:
        username = checked("--username", account_rules.username, username)
    found, by = find(user), act(reason)
    moderation = services().moderation
    performed = moderation.rename(by, found.id, display_name=display_name, username=username)
    report(performed, f"Renamed {_named(found)} to {_named(moderation.find(found.id))}")


@click.command("set-password")
@click.argument("user")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from stdin, not the terminal.")
@optional_reason
@with_appcontext
def set_password(user: str, from_stdin: bool, reason: str) -> None:
    """Set another password; every session ends."""
    found, by = find(user), act(reason)
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    password = checked("password", account_rules.new_password, password)
    performed = services().moderation.set_password(by, found.id, password)
    report(performed, f"Set the password of {_named(found)}")


@click.command("delete")
@click.argument("user")
@required_reason
@click.option("--yes", is_flag=True, help="Don't ask.")
@with_appcontext
def delete(user: str, reason: str, yes: bool) -> None:
    """Forget a person for good; the sums stay."""
    found, by = find(user), act(reason)
    if not yes:
        click.confirm(f"Delete {_named(found)} for good?", abort=True)
    report(services().moderation.delete(by, found.id), f"Deleted {_named(found)}")


@click.command("grant-admin")
@click.argument("user")
@optional_reason
@with_appcontext
def grant_admin(user: str, reason: str) -> None:
    """Let a user moderate over HTTP."""
    _set_role(user, reason, "admin", "is an admin")


@click.command("revoke-admin")
@click.argument("user")
@optional_reason
@with_appcontext
def revoke_admin(user: str, reason: str) -> None:
    """Make an admin a player again."""
    _set_role(user, reason, "player", "is no admin")


ACTS = (
    ban,
    unban,
    flag,
    unflag,
    rename,
    set_password,
    delete,
    grant_admin,
    revoke_admin,
)


def _set_role(user: str, reason: str, role: str, outcome: str) -> None:
    found, by = find(user), act(reason)
    if found.role == role:
        click.echo(f"{found.username} {outcome} already")
        return
    performed = services().moderation.set_role(by, found.id, role)
    report(performed, f"{found.username} {outcome} now")


def _named(user: User) -> str:
    return f"{user.username} ({user.display_name})"
