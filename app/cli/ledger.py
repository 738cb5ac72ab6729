"""`flask ledger`: proof that no point was lost and none counted twice."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from app.cli.operators import OperatorGroup, services
from app.cli.partitions import partitions
from app.services.ledger_check import Difference, Verification

SHOWN = 10

ledger = OperatorGroup("ledger", help="Scores, their history and the rank index.")
ledger.add_command(partitions)


@ledger.command("verify")
@click.option("--repair", is_flag=True, help="Bring the rank index to what the database says.")
def verify(*, repair: bool) -> None:
    """Prove that every score is the sum of its actions and the rank index is the database.

    Exits 1 on any difference that stays. Scores are never repaired: the actions say what is true,
    and a person has to say why they differ.
    """
    check = services().ledger_check
    found = check.verify()
    _show("Scores that are not the sum of their actions", found.ledger)
    _show("Players whose place in the rank index is not the database's", found.index)
    if repair and found.index:
        click.echo(f"Repaired {check.repair_index(found.index)} places in the rank index.")
        found = Verification(found.users, found.ledger, check.verify().index)
    if not found.sound:
        sys.exit(1)
    click.echo(f"Sound: {found.users} players on the board, scores, actions and index agree.")


def _show(title: str, differences: Sequence[Difference]) -> None:
    if not differences:
        return
    click.echo(f"{title}: {len(differences)}")
    for difference in differences[:SHOWN]:
        click.echo(f"  {difference}")
    if len(differences) > SHOWN:
        click.echo(f"  … and {len(differences) - SHOWN} more")
