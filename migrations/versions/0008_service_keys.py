"""Service keys, with which trusted servers score on boards.

The version before does not use the table, so the migration locks nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TIMESTAMP, UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "service_keys",
        sa.Column("id", UUID(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", BYTEA, nullable=False),
        sa.Column("boards", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.Column("revoked_by", sa.Text),
        sa.Column("last_used_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="service_keys_pkey"),
        sa.CheckConstraint(
            "octet_length(secret_hash) = 32", name=op.f("service_keys_secret_hash_check")
        ),
        sa.CheckConstraint("cardinality(boards) > 0", name=op.f("service_keys_boards_check")),
    )


def downgrade() -> None:
    op.drop_table("service_keys")
