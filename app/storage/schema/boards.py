"""The tables of boards and of what players have on them."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP, UUID

_Moment = TIMESTAMP(timezone=True)
_Id = UUID(as_uuid=False)


def add_board_tables(metadata: sa.MetaData) -> None:
    """Declare the tables."""
    sa.Table(
        "boards",
        metadata,
        sa.Column("id", sa.Integer, sa.Identity(always=True), primary_key=True),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("better", sa.Text, nullable=False),
        sa.Column("combine", sa.Text, nullable=False),
        sa.Column("scored_by", sa.Text, nullable=False),
        # Limits of the points of one act.
        sa.Column("min_points", sa.Integer, nullable=False),
        sa.Column("max_points", sa.Integer, nullable=False),
        # The first is the period that replies to acts show.
        sa.Column("periods", ARRAY(sa.Text), nullable=False),
        # Since when each period counts, in the same order; NULL or missing: with the board.
        sa.Column("periods_from", ARRAY(_Moment), nullable=False, server_default="{}"),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column(
            "created_at", _Moment, nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        sa.Column("archived_at", _Moment),
        # The contest clock.
        sa.Column("opens_at", _Moment),
        sa.Column("freezes_at", _Moment),
        sa.Column("closes_at", _Moment),
        # When the freeze ended and its acts were shown.
        sa.Column("thawed_at", _Moment),
        sa.Column("finalized_at", _Moment),
        sa.UniqueConstraint("key", name="boards_key_key"),
        sa.CheckConstraint("better IN ('high', 'low')", name="better"),
        sa.CheckConstraint("combine IN ('sum', 'best', 'latest')", name="combine"),
        sa.CheckConstraint("scored_by IN ('players', 'service')", name="scored_by"),
        sa.CheckConstraint("min_points <= max_points", name="points"),
        sa.CheckConstraint(
            "opens_at < closes_at AND opens_at <= freezes_at AND freezes_at <= closes_at",
            name="clock",
        ),
        sa.CheckConstraint("freezes_at IS NULL OR scored_by = 'service'", name="freeze"),
        sa.CheckConstraint(
            "finalized_at IS NULL OR coalesce(closes_at <= finalized_at, false)", name="final"
        ),
    )
    # A player's score in one period of a board. The standing of `main` and all time is in users.
    sa.Table(
        "standings",
        metadata,
        sa.Column("board_id", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        # The first day of the period in the board's time zone; -infinity for all time.
        sa.Column("starts_on", sa.Date, primary_key=True),
        sa.Column("user_id", _Id, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("score", sa.BigInteger, nullable=False),
        # Minus the index score, so that ascending order is best first.
        sa.Column("order_score", sa.BigInteger, nullable=False),
        # False if the score is not shown, such as 0 on a sum board, and while the player is banned.
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("reached_at", _Moment, nullable=False),
        sa.Column("reached_action_id", sa.BigInteger, nullable=False),
        sa.Column("changed_at", _Moment, nullable=False),
        sa.Index(
            "standings_order",
            "board_id",
            "period",
            "starts_on",
            "order_score",
            "reached_at",
            "reached_action_id",
            postgresql_where=sa.text("listed"),
        ),
        sa.Index("standings_user_id", "user_id"),
        sa.Index("standings_changed_at", "changed_at"),
    )
    # Acts of a player that are taken back: those since a moment and before an action. The view
    # remaining_acts leaves them out.
    sa.Table(
        "compensations",
        metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("user_id", _Id, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("board_id", sa.Integer, sa.ForeignKey("boards.id"), nullable=False),
        sa.Column("since", _Moment, nullable=False),
        sa.Column("before_action_id", sa.BigInteger, nullable=False),
        # Whether it was made in a freeze that has not ended.
        sa.Column("hidden", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column(
            "created_at", _Moment, nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        sa.Index("compensations_user_id", "user_id", "board_id"),
    )
    # Acts that are in actions, and not yet in standings because of a freeze.
    sa.Table(
        "hidden_acts",
        metadata,
        sa.Column("action_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("board_id", sa.Integer, sa.ForeignKey("boards.id"), nullable=False),
        sa.Column("user_id", _Id, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("created_at", _Moment, nullable=False),
        sa.Index("hidden_acts_board_id", "board_id", "user_id", "action_id"),
    )
    # The standing of a player with hidden acts, which counts them too; `listed` ignores bans. The
    # columns are those of standings, in the same order.
    sa.Table(
        "hidden_standings",
        metadata,
        sa.Column("board_id", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("starts_on", sa.Date, primary_key=True),
        sa.Column("user_id", _Id, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.Column("order_score", sa.BigInteger, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("reached_at", _Moment, nullable=False),
        sa.Column("reached_action_id", sa.BigInteger, nullable=False),
        sa.Column("changed_at", _Moment, nullable=False),
        sa.Index("hidden_standings_user_id", "user_id"),
    )
    # What each step of a reveal has shown, so that it can be undone.
    sa.Table(
        "reveal_steps",
        metadata,
        sa.Column("board_id", sa.Integer, sa.ForeignKey("boards.id"), primary_key=True),
        # The freeze, by the time at which it began. A board can freeze again.
        sa.Column("frozen_at", _Moment, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("made_at", _Moment, nullable=False, server_default=sa.text("clock_timestamp()")),
        # Rows of hidden_acts, and ids of compensations.
        sa.Column("acts", JSONB, nullable=False),
        sa.Column("compensations", ARRAY(sa.BigInteger), nullable=False),
        # The shown standings before the step, in the periods that it may have changed. The score is
        # null if there was none.
        sa.Column("standings", JSONB, nullable=False),
        # What the step announced (stored_steps.py); null in steps of the version before.
        sa.Column("announced", JSONB),
        sa.CheckConstraint("kind IN ('act', 'player', 'all')", name="kind"),
    )
