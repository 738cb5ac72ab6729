"""Runs migrations on the database that the settings name; two at once take turns."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, text

from app.stores.tables import metadata
from config.settings import load_settings

# Any number that nothing else locks: release may run on several machines at once.
RELEASE_LOCK = 7_203_411


def migrate() -> None:
    """Bring the database to the wanted revision in one transaction."""
    engine = create_engine(load_settings().database_url)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata)
        with context.begin_transaction():
            # A pooler's connections have the limits of short requests. SET LOCAL ends with this.
            for limit in ("statement", "lock", "idle_in_transaction_session"):
                connection.execute(text(f"SET LOCAL {limit}_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": RELEASE_LOCK})
            context.run_migrations()
    engine.dispose()


migrate()
