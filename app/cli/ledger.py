"""`flask ledger`: check that no point is lost and none counted twice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

import click

from app.cli.operators import OperatorGroup, services
from app.cli.output import example
from app.cli.partitions import partitions
from app.ledger.standing_rows import WrongStanding
from app.maintenance.ledger_check import Difference

MAX_DIFFERENCES = 10

ledger = OperatorGroup("ledger", help="The ledger of actions, scores and the rank indexes.")
ledger.add_command(partitions)


@ledger.command("verify", epilog=example("flask ledger verify"))
@click.option("--repair", is_flag=True, help="Correct the rank indexes from the database.")
def verify(*, repair: bool) -> None:
    """Check that every score follows from its acts and that the rank indexes agree.

    Every board and period is checked. Periods that are not read have no rank index.

    The exit status is 1 if a difference remains. A wrong score is never repaired, because an
    operator has to find out why it differs from the actions.
    """
    check = services().ledger_check
    found = check.verify()
    _show("Scores that are not the sum of their actions", found.ledger)
    _show("Players whose entry in a rank index differs from the database", found.index)
    _show("Standings of boards that are not what their acts make", found.boards)
    if repair and found.index:
        click.echo(f"Repaired {check.repair_index(found.index)} entries of the rank indexes.")
        found = replace(found, index=check.verify().index)
    if not found.sound:
        sys.exit(1)
    click.echo(
        f"Sound: scores, actions and rank index agree for {found.users} players on the board main,"
        f" and on every other board and period; {found.rankings} of these have a rank index."
    )


def _show(title: str, differences: Sequence[Difference | WrongStanding]) -> None:
    if not differences:
        return
    click.echo(f"{title}: {len(differences)}")
    for difference in differences[:MAX_DIFFERENCES]:
        click.echo(f"  {difference}")
    if len(differences) > MAX_DIFFERENCES:
        click.echo(f"  … and {len(differences) - MAX_DIFFERENCES} more")
