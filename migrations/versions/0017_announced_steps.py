"""What a step of a reveal announced, for viewers that connect after it.

The version before writes none, so viewers that connect after a step of it get the board alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from app.storage.table_locks import TableLock, run_with_locks

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LOCKS = [TableLock("reveal_steps", "ACCESS EXCLUSIVE")]


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("reveal_steps", sa.Column("announced", JSONB))


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.drop_column("reveal_steps", "announced")
