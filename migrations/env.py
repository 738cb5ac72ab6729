"""Runs migrations on the database that the settings name; two at once take turns."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine, event, text

from app.stores.tables import metadata
from config.settings import load_settings

# Any number that nothing else locks: release may run on several machines at once.
RELEASE_LOCK = 7_203_411
UNLIMITED = "; ".join(
    f"SET LOCAL {limit}_timeout = 0"
    for limit in ("statement", "lock", "idle_in_transaction_session")
)


def migrate() -> None:
    """Bring the database to the wanted revision, each migration a transaction of its own."""
    engine = create_engine(load_settings().database_url)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A pooler's connections have the limits of short requests.
        with connection.connection.cursor() as cursor:
            cursor.execute(UNLIMITED)

    # Locked by a connection that only waits: a migration of a big table commits between its steps.
    with engine.connect() as turn, engine.connect() as connection:
        turn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": RELEASE_LOCK})
        context.configure(
            connection=connection, target_metadata=metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


migrate()
