"""Stores the reason of a ban that the player may read.

The version before does not name the column: its bans have no such reason, and an end of a ban by it
leaves the reason, which nothing reads until the next ban sets it again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.storage.table_locks import TableLock, run_with_locks

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

LOCKS = [TableLock("users", "ACCESS EXCLUSIVE")]


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("users", sa.Column("ban_reason", sa.Text))


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.drop_column("users", "ban_reason")
