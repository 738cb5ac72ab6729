"""Migrates the database of the settings. Concurrent releases run one after the other."""

from __future__ import annotations

import sys

from alembic import context
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from app.storage.tables import metadata
from config.settings import InvalidSettings, load
from config.storage_settings import DatabaseSettings

# Several machines may run `release` at once. No other code locks this number.
RELEASE_LOCK = 7_203_411
CONNECT_SECONDS = 10
UNLIMITED = "; ".join(
    f"SET LOCAL {limit}_timeout = 0"
    for limit in ("statement", "lock", "idle_in_transaction_session")
)


def migrate() -> None:
    """Bring the database to the wanted revision; each migration is a transaction."""
    engine = _engine()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Behind a pooler the connection has the limits of requests. Steps that lock tables in use
        # limit their waits themselves (app/storage/table_locks.py).
        with connection.connection.cursor() as cursor:
            cursor.execute(UNLIMITED)

    # A connection of its own holds the lock, because some migrations commit between their steps.
    with _connect(engine) as lock, _connect(engine) as connection:
        lock.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": RELEASE_LOCK})
        context.configure(
            connection=connection, target_metadata=metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _engine() -> Engine:
    """An engine of DATABASE_URL; ends the process with the problems if it can't be used."""
    try:
        url = load(DatabaseSettings).database_url
    except InvalidSettings as error:
        sys.exit(str(error))
    return create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS})


def _connect(engine: Engine) -> Connection:
    """A connection; ends the process with one sentence if PostgreSQL refuses it."""
    try:
        return engine.connect()
    except OperationalError as error:
        cause = " ".join(str(error.orig).split())
        sys.exit(f"Can't connect to PostgreSQL; check DATABASE_URL and the server: {cause}")


migrate()
