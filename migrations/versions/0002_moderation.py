"""Moderation: timed bans and flags, roles, fraud events and the audit trail.

The version before still runs on it: columns are added with defaults, and the index of the board is
created again under the same name with the wider predicate.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

from app.storage.table_locks import TableLock, run_with_locks

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)
ID = UUID(as_uuid=False)
BOARD = [sa.text("(-score)"), "reached_at", "reached_action_id"]

LOCKS = [TableLock("users", "ACCESS EXCLUSIVE"), TableLock("actions", "ACCESS EXCLUSIVE")]


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("users", sa.Column("role", sa.Text, nullable=False, server_default="player"))
    op.add_column("users", sa.Column("banned_until", MOMENT))
    op.add_column("users", sa.Column("flagged_at", MOMENT))
    op.add_column("users", sa.Column("flagged_until", MOMENT))
    op.add_column("users", sa.Column("moderated_at", MOMENT))
    op.add_column("users", sa.Column("pardoned_at", MOMENT))
    op.create_check_constraint(op.f("users_role_check"), "users", "role IN ('player', 'admin')")
    op.drop_constraint("users_status_check", "users")
    op.create_check_constraint(
        op.f("users_status_check"), "users", "status IN ('active', 'flagged', 'banned', 'deleted')"
    )
    op.drop_index("users_board", "users")
    op.create_index(
        "users_board",
        "users",
        BOARD,
        postgresql_where=sa.text("score > 0 AND status IN ('active', 'flagged')"),
    )
    op.create_index(
        "users_moderated_at",
        "users",
        ["moderated_at"],
        postgresql_where=sa.text("moderated_at IS NOT NULL"),
    )
    op.create_index(
        "users_to_be_released",
        "users",
        ["id"],
        postgresql_where=sa.text("status IN ('banned', 'flagged')"),
    )
    op.create_index("actions_user_id_created_at", "actions", ["user_id", "created_at"])
    op.drop_index("actions_user_id", "actions")

    op.create_table(
        "fraud_events",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("judged_until", sa.BigInteger, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="fraud_events_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fraud_events_user_id_fkey"),
        sa.CheckConstraint("action IN ('FLAG', 'BAN')", name=op.f("fraud_events_action_check")),
    )
    op.create_index("fraud_events_user_id", "fraud_events", ["user_id", "created_at"])
    op.create_index("fraud_events_created_at", "fraud_events", ["created_at"])

    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("details", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="audit_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="audit_user_id_fkey"),
    )
    op.create_index("audit_user_id", "audit", ["user_id", "id"])


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.drop_table("audit")
    op.drop_table("fraud_events")
    op.create_index("actions_user_id", "actions", ["user_id"])
    op.drop_index("actions_user_id_created_at", "actions")
    op.drop_index("users_to_be_released", "users")
    op.drop_index("users_moderated_at", "users")
    op.drop_index("users_board", "users")
    op.execute("UPDATE users SET status = 'banned' WHERE status = 'deleted'")
    op.drop_constraint("users_status_check", "users")
    op.create_check_constraint(
        op.f("users_status_check"), "users", "status IN ('active', 'flagged', 'banned')"
    )
    op.create_index(
        "users_board", "users", BOARD, postgresql_where=sa.text("score > 0 AND status <> 'banned'")
    )
    op.drop_constraint("users_role_check", "users")
    for column in (
        "pardoned_at",
        "moderated_at",
        "flagged_until",
        "flagged_at",
        "banned_until",
        "role",
    ):
        op.drop_column("users", column)
