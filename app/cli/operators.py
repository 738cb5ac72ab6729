"""Helpers that the operators' commands share: services, arguments, output and error messages."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup

from app.accounts import rules
from app.accounts.user_rows import User
from app.audit.audited_change import NO_REASON, ChangeResult, Initiator
from app.cli.output import escape_unencodable
from app.composition.commands import CommandServices, build_command_services
from app.contract.alerts import cause_of
from app.contract.errors import DatabaseUnavailable, DomainError, RedisUnavailable, ValidationFailed

SETTINGS = "command_settings"
"""The extension of the Flask app with the settings from which a command builds its services."""
_SERVICES = f"{__name__}.services"
NOT_PUBLISHED = "The change is in the database. Redis is unavailable and will get it later."

required_reason = click.option("--reason", required=True, help="Reason, for the audit trail.")
optional_reason = click.option(
    "--reason",
    default=NO_REASON,
    help="Reason, for the audit trail.",
)


class OperatorGroup(AppGroup):
    """Commands whose errors are one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        escape_unencodable()
        try:
            return super().invoke(ctx)
        except DomainError as error:
            raise click.ClickException(_message(error)) from error


def services() -> CommandServices:
    """The services of the running command, built at the first call and closed at its end."""
    command = click.get_current_context().find_root()
    if _SERVICES not in command.meta:
        built = build_command_services(current_app.extensions[SETTINGS])
        command.meta[_SERVICES] = built
        command.call_on_close(built.close)
    found: CommandServices = command.meta[_SERVICES]
    return found


def find(user: str) -> User:
    """The user with that name or id; raises NotFound."""
    return services().moderation.find(checked("USER", rules.storable, user))


def initiator(reason: str) -> Initiator:
    """The operator, named by the machine's user that runs the command."""
    return Initiator(f"operator:{_login_name()}", checked("--reason", rules.reason, reason))


def checked(parameter: str, rule: Callable[[str], str], text: str) -> str:
    """The text as the rule returns it; a failure names the parameter."""
    try:
        return rule(text)
    except ValidationFailed as failed:
        raise click.ClickException(f"{parameter}: {failed.message}") from failed


def report(result: ChangeResult, done: str, nothing_done: str = "") -> None:
    """Print the result of a change."""
    click.echo(done if result.done else nothing_done)
    if not result.published:
        click.echo(NOT_PUBLISHED, err=True)


def _login_name() -> str:
    try:
        # Not getpass.getuser(), which trusts environment variables.
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        # A container may run as a user that its image does not define.
        return str(os.getuid())


def _message(error: DomainError) -> str:
    if not isinstance(error, DatabaseUnavailable | RedisUnavailable):
        return error.message
    is_database = isinstance(error, DatabaseUnavailable)
    store, setting = ("PostgreSQL", "DATABASE_URL") if is_database else ("Redis", "REDIS_URL")
    cause = cause_of(error.__cause__) or "no answer"
    return f"{store} failed ({cause}); check {setting} and the server"
