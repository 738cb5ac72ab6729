"""`flask ledger partitions`: the ledger's months, prepared and detached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from app.cli.operators import OperatorGroup, act, optional_reason, services
from app.cli.tables import echo_table
from app.services.partitions import MONTHS_AHEAD
from app.stores.partitions import Partition

partitions = OperatorGroup(
    "partitions", help="The actions by month (UTC): prepare coming ones, detach old ones."
)


class Month(click.ParamType[datetime]):
    """A month in UTC, by its first moment."""

    name = "YYYY-MM"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is no month such as 2026-09.", param, ctx)


@partitions.command("list")
def list_partitions() -> None:
    """Show the partitions that the ledger has."""
    found = services().partitions.overview()
    headings = ("PARTITION", "FROM", "UP TO", "ACTIONS (ABOUT)", "MIB")
    echo_table(headings, [_row(each) for each in found.partitions])
    if found.outside:
        click.echo(f"{found.outside} actions are of no month above; prepare moves them", err=True)


@partitions.command("prepare")
@click.option(
    "--months",
    type=click.IntRange(1, 120),
    default=MONTHS_AHEAD,
    show_default=True,
    help="How many after the present one.",
)
@optional_reason
def prepare(months: int, reason: str) -> None:
    """Make the coming months' partitions, which web processes do by themselves too.

    Actions of a month that nobody prepared are moved into it; nobody scores meanwhile.
    """
    made = services().partitions.prepare(act(reason), months)
    click.echo(f"Prepared {', '.join(made)}" if made else "All months are prepared")


@partitions.command("detach")
@click.option("--before", type=Month(), required=True, help="The oldest month that stays.")
@optional_reason
def detach(before: datetime, reason: str) -> None:
    """Take the months before that one out of the ledger.

    What each user made in them is carried on by one action, so every sum stays true. The months
    stay as plain tables, to be dumped and dropped. Interrupted, it can be run again.
    """
    done = services().partitions.detach(act(reason), before)
    if not done.tables:
        click.echo(f"There is nothing to detach before {before:%Y-%m}")
        return
    click.echo(f"Detached {', '.join(done.tables)}; sums carried on: {done.carried}")


def _row(partition: Partition) -> tuple[object, ...]:
    begin = f"{partition.begin:%Y-%m-%d}" if partition.begin else "-"
    rows = partition.rows if partition.rows >= 0 else "-"
    return partition.name, begin, f"{partition.end:%Y-%m-%d}", rows, f"{partition.size / 2**20:.1f}"
