"""`flask tokens`: tokens of displays, which can watch and nothing else."""

from __future__ import annotations

import click

from app.cli.moments import shown
from app.cli.operators import (
    OperatorGroup,
    act,
    checked,
    optional_reason,
    report,
    services,
)
from app.cli.tables import echo_json, echo_table
from app.services import account_rules
from app.services.records_json import display_token_json
from app.stores.display_tokens import DisplayToken
from config.origins import ANY_ORIGIN

LONGEST_DAYS = 3650

tokens = OperatorGroup("tokens", help="Tokens of displays, which can watch and nothing else.")


@tokens.command("display")
@click.option("--days", type=click.IntRange(1, LONGEST_DAYS), default=30, show_default=True)
@click.option("--name", default="display", show_default=True, help="Where the screen hangs.")
@optional_reason
def display(days: int, name: str, reason: str) -> None:
    """Make a token for a screen; it is told this once."""
    name = checked("--name", account_rules.display_name, name)
    issued = services().displays.issue(act(reason), name, days * 86400)
    click.echo(f"Token {issued.token.id} ({name}), until {shown(issued.token.expires_at)}:")
    click.echo(issued.jwt)
    click.echo("Open on the screen:")
    click.echo(f"{_page()}/?display#{issued.jwt}")


@tokens.command("list")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def list_tokens(form: str) -> None:
    """List the tokens, the newest first; the tokens themselves are kept nowhere."""
    found = services().displays.tokens()
    if form == "json":
        echo_json([display_token_json(token) for token in found])
    else:
        echo_table(("ID", "NAME", "CREATED", "BY", "STATUS"), [_row(token) for token in found])


@tokens.command("revoke")
@click.argument("token")
@optional_reason
def revoke(token: str, reason: str) -> None:
    """End the token of that id or name; its screens go dark within a second."""
    displays = services().displays
    found, by = displays.find(checked("TOKEN", account_rules.storable, token)), act(reason)
    named = f"{found.id} ({found.name})"
    report(displays.revoke(by, found), f"Revoked {named}", f"{named} was revoked before")


def _row(token: DisplayToken) -> tuple[object, ...]:
    created = shown(token.created_at)
    return token.id, token.name, created, token.created_by, _status(token)


def _status(token: DisplayToken) -> str:
    if token.revoked_at:
        return f"revoked {shown(token.revoked_at)} by {token.revoked_by}"
    return f"{'until' if token.stands else 'expired'} {shown(token.expires_at)}"


def _page() -> str:
    """Where the page is: the first origin that may open a WebSocket, where one is named."""
    origins = services().settings.allowed_origins
    return next((origin for origin in origins if origin != ANY_ORIGIN), "")
