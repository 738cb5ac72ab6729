"""The tables. migrations/ creates them, and a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TIMESTAMP, UUID

from app.storage.schema.boards import add_board_tables

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
"""Condition for users on the board. The index and the queries that use it need the same text."""

users = sa.Table(
    "users",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default="active"),
    sa.Column("score", sa.BigInteger, nullable=False, server_default="0"),
    # Raised with every change that the board shows. The rank index applies only newer changes.
    sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reached_at", Moment),
    sa.Column("reached_action_id", sa.BigInteger),
    sa.Column("changed_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("last_login_at", Moment),
    sa.Column("role", sa.Text, nullable=False, server_default="player"),
    # NULL in a banned user: until a moderator ends the ban. The player may read the reason.
    sa.Column("banned_until", Moment),
    sa.Column("ban_reason", sa.Text),
    sa.Column("flagged_at", Moment),
    sa.Column("flagged_until", Moment),
    # When status or role last changed. The reconciler publishes changes that Redis missed.
    sa.Column("moderated_at", Moment),
    # Fraud events before the end of a ban don't count towards the next one.
    sa.Column("pardoned_at", Moment),
    sa.CheckConstraint("status IN ('active', 'flagged', 'banned', 'deleted')", name="status"),
    sa.CheckConstraint("role IN ('player', 'admin')", name="role"),
    sa.CheckConstraint("score >= 0", name="score"),
    # One way to compare names in every locale: docs/decisions/0024-names-and-passwords.md.
    sa.Index("users_username_key_c", sa.text('lower(username COLLATE "C")'), unique=True),
    # The index of the previous version; a later version drops it.
    sa.Index("users_username_key", sa.text("lower(username)"), unique=True),
    # -score makes every part ascending, so a page starts after one row comparison.
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
    # Searched every two seconds for bans and flags that have expired.
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
    # The valid refresh token of the session (refresh rotation).
    sa.Column("refresh_token_id", Id, nullable=False),
    # The token that it replaced, and when. A repeated use in the grace gets the same successor.
    sa.Column("previous_refresh_token_id", Id),
    sa.Column("refreshed_at", Moment),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("revoked_at", Moment),
    sa.Index("sessions_user_id", "user_id"),
    sa.Index(
        "sessions_revoked_at", "revoked_at", postgresql_where=sa.text("revoked_at IS NOT NULL")
    ),
)

# A trigger of users writes it: only registrations and renames do, and points do not.
display_name_keys = sa.Table(
    "display_name_keys",
    metadata,
    sa.Column("user_id", Id, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("word", sa.SmallInteger, primary_key=True),
    # name_key() of the display name from this word on.
    sa.Column("key", sa.Text(collation="C"), nullable=False),
    sa.Index("display_name_keys_key", "key", "user_id"),
)

_action_ids = sa.Sequence("actions_id_seq", data_type=sa.BigInteger, metadata=metadata)
actions = sa.Table(
    "actions",
    metadata,
    # No identity, which partitioned tables can't have before PostgreSQL 17.
    sa.Column("id", sa.BigInteger, nullable=False, server_default=_action_ids.next_value()),
    sa.Column("user_id", Id, sa.ForeignKey("users.id"), nullable=False),
    # The partition key must be part of every unique key, so it is the token's own time.
    sa.Column("issued_at", Moment, primary_key=True),
    sa.Column("nonce", Id, primary_key=True),
    sa.Column("points", sa.Integer, nullable=False),
    sa.Column("score_after", sa.BigInteger, nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    # 0: the board `main`. No foreign key, because adding one locks every partition.
    sa.Column("board_id", sa.Integer, nullable=False, server_default="0"),
    # What the judge or the game server calls the act, for example the question of a quiz.
    sa.Column("label", sa.Text),
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
    # Redis' time in ms of the attempt that fired the rule. Attempts up to it are judged.
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
    # NULL if the action concerned no user, for example a display token.
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

service_keys = sa.Table(
    "service_keys",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    # SHA-256 of the secret, which is not stored.
    sa.Column("secret_hash", BYTEA, nullable=False),
    # Keys of the boards on which the service key may score.
    sa.Column("boards", ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
    sa.Column("created_by", sa.Text, nullable=False),
    # NULL: the key does not expire.
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
    sa.Column("revoked_by", sa.Text),
    sa.Column("last_used_at", Moment),
    sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
    sa.CheckConstraint("cardinality(boards) > 0", name="boards"),
)
add_board_tables(metadata)
