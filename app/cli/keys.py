"""`flask keys`: service keys."""

from __future__ import annotations

from datetime import datetime

import click

from app.accounts import rules
from app.accounts.display_names import display_name
from app.accounts.service_keys.key_rows import ServiceKeyRecord
from app.api.admin.records import service_key_json
from app.cli.operators import (
    OperatorGroup,
    checked,
    initiator,
    optional_reason,
    report,
    services,
)
from app.cli.output import echo_json, echo_table, example, table_or_json
from app.cli.time_arguments import Until, format_time

keys = OperatorGroup("keys", help="Service keys, with which trusted servers score on boards.")


@keys.command(
    "create", epilog=example("flask keys create 'quiz server' --board quiz-night --expires 30d")
)
@click.argument("name")
@click.option(
    "--board",
    "boards",
    metavar="KEY",
    required=True,
    multiple=True,
    help="Board on which the key may score; repeat it for several boards.",
)
@click.option(
    "--expires",
    "expires_at",
    type=Until(),
    help="30d (from now) or an ISO 8601 time. Default: the key does not expire.",
)
@optional_reason
def create(name: str, boards: tuple[str, ...], expires_at: datetime | None, reason: str) -> None:
    """Create a key and print it, which is not possible later.

    Only the key is written to stdout. NAME says which server gets it.
    """
    name = checked("NAME", display_name, name)
    boards = tuple(checked("--board", rules.storable, board) for board in boards)
    issued = services().service_keys.create(initiator(reason), name, boards, expires_at)
    click.echo(f"Created {_label(issued.record)}, {_status(issued.record)}:", err=True)
    click.echo(issued.text)


@keys.command("list", epilog=example("flask keys list"))
@table_or_json
def list_keys(output_format: str) -> None:
    """List the keys, newest first. Their secrets are not stored."""
    found = services().service_keys.list_all()
    if output_format == "json":
        echo_json([service_key_json(key) for key in found])
    else:
        headings = ("ID", "NAME", "BOARDS", "CREATED", "BY", "LAST USED", "STATUS")
        echo_table(headings, [_row(key) for key in found])


@keys.command("revoke", epilog=example(f"flask keys revoke {'0f' * 16} --reason 'it leaked'"))
@click.argument("id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@optional_reason
def revoke(id: str, yes: bool, reason: str) -> None:  # noqa: A002 - the name of the argument
    """Refuse a key for good, from the next request on.

    ID is the part of the key between sk_ and the next _.
    """
    by = initiator(reason)
    found = services().service_keys.find(id)
    if not yes:
        click.confirm(f"Revoke {_label(found)} for good?", abort=True)
    performed = services().service_keys.revoke(by, found)
    report(performed, f"Revoked {_label(found)}", f"{_label(found)} is already revoked")


def _label(key: ServiceKeyRecord) -> str:
    return f"{key.id} ({key.name}) for {', '.join(key.boards)}"


def _row(key: ServiceKeyRecord) -> tuple[object, ...]:
    created_at, used_at = format_time(key.created_at), format_time(key.last_used_at, "never")
    boards = ",".join(key.boards)
    return key.id, key.name, boards, created_at, key.created_by, used_at, _status(key)


def _status(key: ServiceKeyRecord) -> str:
    if key.revoked_at:
        return f"revoked {format_time(key.revoked_at)} by {key.revoked_by}"
    if key.expires_at is None:
        return "without an end"
    return f"{'until' if key.valid else 'expired'} {format_time(key.expires_at)}"
