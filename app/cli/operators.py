"""What every operators' command needs: who acts and why, on whom, and how it ended."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from app.composition import Services
from app.contract.errors import DatabaseUnavailable, DomainError, RedisUnavailable, ValidationFailed
from app.services import account_rules
from app.services.moderation import NO_REASON, Act, Performed
from app.stores.users import User

UNTOLD = "done in the database; Redis will be told when it is back"

required_reason = click.option("--reason", required=True, help="Why; kept in the audit trail.")
optional_reason = click.option(
    "--reason",
    default=NO_REASON,
    show_default=True,
    help="Why; kept in the audit trail.",
)


class OperatorGroup(AppGroup):
    """Commands whose refusals are one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(_in_words(error)) from error


def services() -> Services:
    """What the commands call."""
    found: Services = current_app.extensions["services"]
    return found


def find(user: str) -> User:
    """The account of that name or id; raises NotFound."""
    return services().moderation.find(checked("USER", account_rules.storable, user))


def act(reason: str) -> Act:
    """An act of the user of this machine who runs the command."""
    return Act(f"operator:{_login_name()}", checked("--reason", account_rules.reason, reason))


def checked(parameter: str, rule: Callable[[str], str], text: str) -> str:
    """The text as the rule has it; a refusal names the parameter."""
    try:
        return rule(text)
    except ValidationFailed as failed:
        raise click.ClickException(f"{parameter}: {failed.message}") from failed


def report(performed: Performed, done: str, nothing: str = "") -> None:
    """Say what came of an act."""
    click.echo(done if performed.done else nothing)
    if not performed.told:
        click.echo(UNTOLD, err=True)


def _login_name() -> str:
    try:
        # Not getpass.getuser(), which believes the environment.
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container may run as a user that its image doesn't know.
        return str(os.getuid())


def _in_words(error: DomainError) -> str:
    if not isinstance(error, DatabaseUnavailable | RedisUnavailable):
        return error.message
    what = "PostgreSQL" if isinstance(error, DatabaseUnavailable) else "Redis"
    cause = str(error.__cause__ or "no answer").strip()
    return f"{what} failed: {cause.splitlines()[0]}"
