"""`flask db`: alembic's commands, with the same alembic.ini and migrations as `alembic` itself.

Each command imports alembic when it runs, because every worker of the API imports this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from app.cli.output import example

if TYPE_CHECKING:
    from alembic.config import Config

CONFIG_FILE = Path(__file__).parents[2] / "alembic.ini"


class MigrationGroup(AppGroup):
    """Commands whose expected errors are one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        from alembic.util import CommandError

        try:
            return super().invoke(ctx)
        except CommandError as error:
            raise click.ClickException(str(error)) from error
        except OperationalError as error:
            cause = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(f"PostgreSQL failed: {cause}") from error


db = MigrationGroup("db", help="The tables: migrate them, and show their revision.")


@db.command("upgrade", epilog=example("flask db upgrade"))
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Migrate to REVISION; without one, to the newest."""
    from alembic import command

    command.upgrade(_config(), revision)


@db.command("downgrade", epilog=example("flask db downgrade 0011"))
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Go back to REVISION. Columns and tables that it lacks lose their data."""
    from alembic import command

    command.downgrade(_config(), revision)


@db.command("current", epilog=example("flask db current"))
def current() -> None:
    """Show the revision of the database."""
    from alembic import command

    command.current(_config())


@db.command("history", epilog=example("flask db history"))
def history() -> None:
    """List the revisions, the newest first."""
    from alembic import command

    command.history(_config())


def _config() -> Config:
    from alembic.config import Config

    return Config(CONFIG_FILE)
