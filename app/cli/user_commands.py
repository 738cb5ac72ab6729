"""The commands of `flask users` that change a user; each one is audited with its operator."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import click
from flask.cli import with_appcontext

from app.accounts import display_names, rules
from app.accounts.user_rows import User
from app.cli.operators import (
    checked,
    find,
    initiator,
    optional_reason,
    report,
    required_reason,
    services,
)
from app.cli.output import example
from app.cli.time_arguments import Duration, format_time


@click.command("ban", epilog=example("flask users ban ada --reason 'three scripts' --for 2h"))
@click.argument("user")
@required_reason
@click.option("--for", "seconds", type=Duration(), help="30m, 2h or 7d. Default: until an unban.")
@click.option("--public-reason", help="What the player reads. Default: no reason.")
@with_appcontext
def ban(user: str, reason: str, seconds: int | None, public_reason: str | None) -> None:
    """Ban a user, for a time or until an unban.

    USER is a username or an id, here and in the other commands.
    """
    found, by = find(user), initiator(reason)
    until = datetime.now(UTC) + timedelta(seconds=seconds) if seconds else None
    if public_reason is not None:
        public_reason = checked("--public-reason", rules.public_reason, public_reason)
    performed = services().moderation.ban(by, found.id, until, public_reason)
    report(performed, f"Banned {_label(found)} until {format_time(until, 'unbanned')}")


@click.command("unban", epilog=example("flask users unban ada --reason 'it was a mistake'"))
@click.argument("user")
@optional_reason
@with_appcontext
def unban(user: str, reason: str) -> None:
    """End a ban. The user is on the board again with the same score."""
    found, by = find(user), initiator(reason)
    performed = services().moderation.unban(by, found.id)
    report(performed, f"Unbanned {_label(found)}", f"{found.username} is not banned")


@click.command("flag", epilog=example("flask users flag ada --for 30m"))
@click.argument("user")
@click.option("--for", "seconds", type=Duration(), default="1h", help="30m, 2h or 7d.")
@optional_reason
@with_appcontext
def flag(user: str, seconds: int, reason: str) -> None:
    """Halve the rate limits of a user for a time."""
    found, by = find(user), initiator(reason)
    performed = services().moderation.flag(by, found.id, seconds)
    if not performed.done:
        raise click.ClickException(f"{found.username} is banned and can't be flagged")
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    report(performed, f"Flagged {_label(found)} until {format_time(until)}")


@click.command("unflag", epilog=example("flask users unflag ada"))
@click.argument("user")
@optional_reason
@with_appcontext
def unflag(user: str, reason: str) -> None:
    """Restore the full rate limits of a user."""
    found, by = find(user), initiator(reason)
    performed = services().moderation.unflag(by, found.id)
    report(performed, f"Unflagged {_label(found)}", f"{found.username} is not flagged")


@click.command("rename", epilog=example("flask users rename ada --display-name 'Player 7'"))
@click.argument("user")
@click.option("--display-name", help="The new name on the board.")
@click.option("--username", help="The new name for the login.")
@optional_reason
@with_appcontext
def rename(user: str, display_name: str | None, username: str | None, reason: str) -> None:
    """Change the display name or the username of a user."""
    if display_name is None and username is None:
        raise click.UsageError("Give --display-name, --username or both.")
    if display_name is not None:
        display_name = checked("--display-name", display_names.display_name, display_name)
    if username is not None:
        username = checked("--username", rules.username, username)
    found, by = find(user), initiator(reason)
    moderation = services().moderation
    performed = moderation.rename(by, found.id, display_name=display_name, username=username)
    report(performed, f"Renamed {_label(found)} to {_label(moderation.find(found.id))}")


@click.command("set-password", epilog=example("flask users set-password ada"))
@click.argument("user")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from stdin.")
@optional_reason
@with_appcontext
def set_password(user: str, from_stdin: bool, reason: str) -> None:
    """Set a new password and end every session of the user."""
    found, by = find(user), initiator(reason)
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    password = checked("password", rules.new_password, password)
    performed = services().moderation.set_password(by, found.id, password)
    report(performed, f"Set the password of {_label(found)}")


@click.command("delete", epilog=example("flask users delete ada --reason 'asked to be forgotten'"))
@click.argument("user")
@required_reason
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_appcontext
def delete(user: str, reason: str, yes: bool) -> None:
    """Delete the personal data of a user for good. The totals of the board stay correct."""
    found, by = find(user), initiator(reason)
    if not yes:
        click.confirm(f"Delete {_label(found)} for good?", abort=True)
    report(services().moderation.delete(by, found.id), f"Deleted {_label(found)}")


@click.command("grant-admin", epilog=example("flask users grant-admin ada"))
@click.argument("user")
@optional_reason
@with_appcontext
def grant_admin(user: str, reason: str) -> None:
    """Allow a user to moderate over HTTP."""
    _set_role(user, reason, "admin")


@click.command("revoke-admin", epilog=example("flask users revoke-admin ada"))
@click.argument("user")
@optional_reason
@with_appcontext
def revoke_admin(user: str, reason: str) -> None:
    """Make an admin a player again."""
    _set_role(user, reason, "player")


USER_COMMANDS = (
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


def _set_role(user: str, reason: str, role: str) -> None:
    found, by = find(user), initiator(reason)
    state = "an admin" if role == "admin" else "not an admin"
    if found.role == role:
        click.echo(f"{found.username} is already {state}")
        return
    performed = services().moderation.set_role(by, found.id, role)
    report(performed, f"{found.username} is now {state}")


def _label(user: User) -> str:
    return f"{user.username} ({user.display_name})"
