"""`flask db`: alembic's commands, with the same alembic.ini and migrations as `alembic` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import alembic.command
import alembic.util
import click
from alembic.config import Config
from flask.cli import AppGroup
from sqlalchemy.exc import OperationalError

from app.cli.output import example

CONFIG_FILE = Path(__file__).parents[2] / "alembic.ini"


class MigrationGroup(AppGroup):
    """Commands whose expected errors are one line on stderr and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except alembic.util.CommandError as error:
            raise click.ClickException(str(error)) from error
        except OperationalError as error:
            cause = str(error.orig).strip().splitlines()[0]
            raise click.ClickException(f"PostgreSQL failed: {cause}") from error


db = MigrationGroup("db", help="The tables: migrate them, and show their revision.")


@db.command("upgrade", epilog=example("flask db upgrade"))
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Migrate to REVISION; without one, to the newest."""
    alembic.command.upgrade(_config(), revision)


@db.command("downgrade", epilog=example("flask db downgrade 0011"))
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Go back to REVISION. Columns and tables that it lacks lose their data."""
    alembic.command.downgrade(_config(), revision)


@db.command("current", epilog=example("flask db current"))
def current() -> None:
    """Show the revision of the database."""
    alembic.command.current(_config())


@db.command("history", epilog=example("flask db history"))
def history() -> None:
    """List the revisions, the newest first."""
    alembic.command.history(_config())


def _config() -> Config:
    return Config(CONFIG_FILE)
