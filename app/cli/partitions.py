"""`flask ledger partitions`: list, prepare and detach the months of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from app.cli.operators import OperatorGroup, initiator, optional_reason, services
from app.cli.output import echo_table, example
from app.ledger.partition_rows import Partition
from app.maintenance.partitions import MONTHS_AHEAD

partitions = OperatorGroup("partitions", help="The ledger's partitions, one for each month in UTC.")


class Month(click.ParamType[datetime]):
    """A month in UTC; the value is its first moment."""

    name = "YYYY-MM"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        try:
            return datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not a month such as 2026-09.", param, ctx)


@partitions.command("list", epilog=example("flask ledger partitions list"))
def list_partitions() -> None:
    """List the partitions of the ledger."""
    found = services().partitions.overview()
    headings = ("PARTITION", "FROM", "UP TO", "ACTIONS (ABOUT)", "MIB")
    echo_table(headings, [_row(each) for each in found.partitions])
    if found.outside:
        click.echo(
            f"{found.outside} actions belong to no month above; `prepare` moves them", err=True
        )


@partitions.command("prepare", epilog=example("flask ledger partitions prepare --months 12"))
@click.option(
    "--months",
    type=click.IntRange(1, 120),
    default=MONTHS_AHEAD,
    help="Number of months after the current one.",
)
@optional_reason
def prepare(months: int, reason: str) -> None:
    """Create the partitions of coming months.

    API processes do this too. If a month was not prepared in time, its actions are moved into the
    new partition. Increments wait while they are moved.
    """
    made = services().partitions.prepare(initiator(reason), months)
    click.echo(f"Prepared {', '.join(made)}" if made else "All months are prepared")


@partitions.command("detach", epilog=example("flask ledger partitions detach --before 2026-01"))
@click.option("--before", type=Month(), required=True, help="The oldest month to keep.")
@optional_reason
def detach(before: datetime, reason: str) -> None:
    """Detach all months before a month from the ledger.

    One new action per user replaces the detached ones, so every sum stays the same. The detached
    months remain as plain tables that can be dumped and dropped. If the command is interrupted,
    run it again.
    """
    done = services().partitions.detach(initiator(reason), before)
    if not done.tables:
        click.echo(f"There is nothing to detach before {before:%Y-%m}")
        return
    click.echo(
        f"Detached {', '.join(done.tables)}; {done.carried} users got an action with their total"
    )


def _row(partition: Partition) -> tuple[object, ...]:
    begin = f"{partition.begin:%Y-%m-%d}" if partition.begin else "-"
    rows = partition.rows if partition.rows >= 0 else "-"
    return partition.name, begin, f"{partition.end:%Y-%m-%d}", rows, f"{partition.size / 2**20:.1f}"
