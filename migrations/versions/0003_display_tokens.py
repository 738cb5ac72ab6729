"""Display tokens, which only allow watching, and audit entries that concern no user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from app.storage.table_locks import TableLock, run_with_locks

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)
ID = UUID(as_uuid=False)

LOCKS = [TableLock("audit", "ACCESS EXCLUSIVE")]


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.create_table(
        "display_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoked_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="display_tokens_pkey"),
    )
    op.alter_column("audit", "user_id", nullable=True)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    # The version before has no entries that concern no user.
    op.execute("DELETE FROM audit WHERE user_id IS NULL")
    op.alter_column("audit", "user_id", nullable=False)
    op.drop_table("display_tokens")
