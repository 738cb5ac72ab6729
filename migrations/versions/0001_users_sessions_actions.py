"""Users with their score, sessions, and the ledger of actions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)
ID = UUID(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, nullable=False),
        sa.Column("username", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="active"),
        sa.Column("score", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reached_at", MOMENT),
        sa.Column("reached_action_id", sa.BigInteger),
        sa.Column("changed_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("last_login_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="users_pkey"),
        sa.CheckConstraint(
            "status IN ('active', 'flagged', 'banned')", name=op.f("users_status_check")
        ),
        sa.CheckConstraint("score >= 0", name=op.f("users_score_check")),
    )
    op.create_index("users_username_key", "users", [sa.text("lower(username)")], unique=True)
    op.create_index(
        "users_board",
        "users",
        [sa.text("(-score)"), "reached_at", "reached_action_id"],
        postgresql_where=sa.text("score > 0 AND status <> 'banned'"),
    )
    op.create_index("users_changed_at", "users", ["changed_at"])

    op.create_table(
        "sessions",
        sa.Column("id", ID, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("refresh_token_id", ID, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="sessions_pkey"),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="sessions_user_id_fkey", ondelete="CASCADE"
        ),
    )
    op.create_index("sessions_user_id", "sessions", ["user_id"])
    op.create_index(
        "sessions_revoked_at",
        "sessions",
        ["revoked_at"],
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )

    op.create_table(
        "actions",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("issued_at", MOMENT, nullable=False),
        sa.Column("nonce", ID, nullable=False),
        sa.Column("points", sa.Integer, nullable=False),
        sa.Column("score_after", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("issued_at", "nonce", name="actions_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="actions_user_id_fkey"),
    )
    op.create_index("actions_user_id", "actions", ["user_id"])


def downgrade() -> None:
    op.drop_table("actions")
    op.drop_table("sessions")
    op.drop_table("users")
