"""Tokens of displays, which may watch and nothing else, and audit entries about no user."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)
ID = UUID(as_uuid=False)


def upgrade() -> None:
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
    # The version before has no way to say that an act was done to nobody.
    op.execute("DELETE FROM audit WHERE user_id IS NULL")
    op.alter_column("audit", "user_id", nullable=False)
    op.drop_table("display_tokens")
