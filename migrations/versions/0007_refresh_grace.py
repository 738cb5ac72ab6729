"""Stores the refresh token before the current one, and when it was replaced.

The version before does not name the columns. A token that it replaces gets no grace.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from app.storage.table_locks import TableLock, run_with_locks

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LOCKS = [TableLock("sessions", "ACCESS EXCLUSIVE")]


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("sessions", sa.Column("previous_refresh_token_id", UUID(as_uuid=False)))
    op.add_column("sessions", sa.Column("refreshed_at", TIMESTAMP(timezone=True)))


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.drop_column("sessions", "refreshed_at")
    op.drop_column("sessions", "previous_refresh_token_id")
