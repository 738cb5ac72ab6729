"""`flask tokens`: display tokens."""

from __future__ import annotations

import click

from app.accounts import rules
from app.accounts.display_names import display_name
from app.accounts.display_token_rows import DisplayToken
from app.accounts.display_tokens import MAX_DAYS, SECONDS_PER_DAY
from app.api.admin.records import display_token_json
from app.cli.operators import (
    OperatorGroup,
    checked,
    initiator,
    optional_reason,
    report,
    services,
)
from app.cli.output import echo_json, echo_table, example, table_or_json
from app.cli.time_arguments import format_time
from config.origins import page_origin

tokens = OperatorGroup("tokens", help="Tokens for public displays, which can only watch.")


days_option = click.option(
    "--days", type=click.IntRange(1, MAX_DAYS), default=30, help="Days until the token expires."
)
name_option = click.option("--name", default="display", help="Name or place of the screen.")


@tokens.command("pair", epilog=example("flask tokens pair BCD-FGH --name 'main hall'"))
@click.argument("code")
@days_option
@name_option
@optional_reason
def pair(code: str, days: int, name: str, reason: str) -> None:
    """Give the screen that shows CODE a token. It is live within seconds."""
    name = checked("--name", display_name, name)
    issued = services().display_pairing.pair(initiator(reason), code, name, days * SECONDS_PER_DAY)
    until = format_time(issued.token.expires_at)
    click.echo(f"Paired {name} (token {issued.token.id}) until {until}")


@tokens.command("display", epilog=example("flask tokens display --days 30 --name 'main hall'"))
@days_option
@name_option
@optional_reason
def display(days: int, name: str, reason: str) -> None:
    """Create a token for a screen and print it, which is not possible later."""
    name = checked("--name", display_name, name)
    issued = services().display_tokens.issue(initiator(reason), name, days * SECONDS_PER_DAY)
    click.echo(f"Token {issued.token.id} ({name}), until {format_time(issued.token.expires_at)}:")
    click.echo(issued.jwt)
    click.echo("Open on the screen:")
    page = page_origin(services().settings.allowed_origins)
    click.echo(f"{page}/?display#{issued.jwt}")


@tokens.command("list", epilog=example("flask tokens list"))
@table_or_json
def list_tokens(output_format: str) -> None:
    """List the tokens, newest first. The secrets themselves are not stored."""
    found = services().display_tokens.list_all()
    if output_format == "json":
        echo_json([display_token_json(token) for token in found])
    else:
        echo_table(("ID", "NAME", "CREATED", "BY", "STATUS"), [_row(token) for token in found])


@tokens.command("revoke", epilog=example("flask tokens revoke 'main hall'"))
@click.argument("token")
@optional_reason
def revoke(token: str, reason: str) -> None:
    """End the token with that id or name. Its screens disconnect within a second."""
    displays = services().display_tokens
    found = displays.find(checked("TOKEN", rules.storable, token))
    label = f"{found.id} ({found.name})"
    performed = displays.revoke(initiator(reason), found)
    report(performed, f"Revoked {label}", f"{label} is already revoked")


def _row(token: DisplayToken) -> tuple[object, ...]:
    created_at = format_time(token.created_at)
    return token.id, token.name, created_at, token.created_by, _status(token)


def _status(token: DisplayToken) -> str:
    if token.revoked_at:
        return f"revoked {format_time(token.revoked_at)} by {token.revoked_by}"
    return f"{'until' if token.valid else 'expired'} {format_time(token.expires_at)}"
