"""The tables; migrations/ brings a database to this shape and a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP, UUID

metadata = sa.MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)

Moment = TIMESTAMP(timezone=True)
Id = UUID(as_uuid=False)
ON_BOARD = "score > 0 AND status IN ('active', 'flagged')"
"""Who is on the board; the same words in the index and in every query that is to use it."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="active"),
    sa.Column("score", sa.BigInteger, nullable=False, server_default="0"),
    # Raised with every change that the board shows; the rank index applies only newer ones.
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reached_at", Moment),
    sa.Column("reached_action_id", sa.BigInteger),
    sa.Column("changed_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("last_login_at", Moment),
    sa.Column("role", sa.Text, nullable=False, server_default="player"),
    # No end: until somebody unbans.
    sa.Column("banned_until", Moment),
    sa.Column("flagged_at", Moment),
    sa.Column("flagged_until", Moment),
    # When status or role last changed; the repair pass tells Redis of what it missed.
    sa.Column("moderated_at", Moment),
    # Fraud events before the end of a ban don't count towards the next one.
    sa.Column("pardoned_at", Moment),
    sa.CheckConstraint("status IN ('active', 'flagged', 'banned', 'deleted')", name="status"),
    sa.CheckConstraint("role IN ('player', 'admin')", name="role"),
    sa.CheckConstraint("score >= 0", name="score"),
    sa.Index("users_username_key", sa.text("lower(username)"), unique=True),
    # Minus, so that the order is ascending in every part and a page's end is one row comparison.
    sa.Index(
        "users_board",
        sa.text("(-score)"),
        "reached_at",
        "reached_action_id",
        postgresql_where=sa.text(ON_BOARD),
    ),
    sa.Index("users_changed_at", "changed_at"),
    sa.Index(
        "users_moderated_at",
        "moderated_at",
        postgresql_where=sa.text("moderated_at IS NOT NULL"),
    ),
    # Looked through every two seconds for bans and flags whose time is over.
    sa.Index(
        "users_to_be_released",
        "id",
        postgresql_where=sa.text("status IN ('banned', 'flagged')"),
    ),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("user_id", Id, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    # The only refresh token of the session that still works (refresh rotation).
    sa.Column("refresh_token_id", Id, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Index("sessions_user_id", "user_id"),
    sa.Index(
        "sessions_revoked_at", "revoked_at", postgresql_where=sa.text("revoked_at IS NOT NULL")
    ),
)

_action_ids = sa.Sequence("actions_id_seq", data_type=sa.BigInteger, metadata=metadata)
actions = sa.Table(
    "actions",
    metadata,
    # No identity, which partitioned tables can't have before PostgreSQL 17.
    sa.Column("id", sa.BigInteger, nullable=False, server_default=_action_ids.next_value()),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False),
    # Partitioned by month, which needs the time in every unique key: the token's own.
    sa.Column("issued_at", Moment, primary_key=True),
    sa.Column("nonce", Id, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("score_after", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Index("actions_user_id_created_at", "user_id", "created_at"),
    postgresql_partition_by="RANGE (issued_at)",
)

fraud_events = sa.Table(
    "fraud_events",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", JSONB, nullable=False),
    # Redis' time in ms of the attempt that fired; attempts up to it are judged.
    sa.Column("judged_until", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.CheckConstraint("action IN ('FLAG', 'BAN')", name="action"),
    sa.Index("fraud_events_user_id", "user_id", "created_at"),
    sa.Index("fraud_events_created_at", "created_at"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    # None: it was done to no user, but to a display's token, say.
    sa.Column("user_id", Id, sa.ForeignKey("users.id")),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("details", JSONB, nullable=False),
    sa.Index("audit_user_id", "user_id", "id"),
)

display_tokens = sa.Table(
    "display_tokens",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Column("revoked_by", sa.Text),
)
