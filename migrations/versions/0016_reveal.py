"""Hidden acts are revealed step by step, and a board becomes final.

The version before makes no steps and no board final. Its change of the times of a final board is
refused by a check, and it shows such a board as closed.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP

from app.storage.schema.functions import replaced
from app.storage.table_locks import TableLock, run_with_locks

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LOCKS = [TableLock("boards", "ACCESS EXCLUSIVE")]
MOMENT = TIMESTAMP(timezone=True)
FINAL = "finalized_at IS NULL OR coalesce(closes_at <= finalized_at, false)"

# A hidden act that is taken back is never shown.
ACTS_TO_REVEAL = """
CREATE VIEW acts_to_reveal AS
    SELECT h.* FROM hidden_acts h WHERE NOT EXISTS (
        SELECT FROM compensations c WHERE c.user_id = h.user_id AND c.board_id = h.board_id
        AND h.created_at >= c.since AND h.action_id < c.before_action_id)
"""
# Shows a hidden act: the shown standings become what they are with this act. The user's row must be
# locked, and the lock of lock_clock_alone() held. The act counts in the periods of its own time,
# and the standings change now.
REVEAL_ACT = """
CREATE FUNCTION reveal_act(board boards, act hidden_acts) RETURNS void LANGUAGE sql AS $$
    SELECT book_act(board, act.user_id, act.points, act.action_id, act.created_at);
    UPDATE standings SET changed_at = clock_timestamp() WHERE user_id = act.user_id
        AND board_id = board.id AND reached_action_id = act.action_id;
    DELETE FROM hidden_acts WHERE action_id = act.action_id;
$$
"""
# Shows that points were taken back: the shown standings become what the shown acts make. The hidden
# acts that are taken back too are forgotten.
REVEAL_COMPENSATIONS = """
CREATE FUNCTION reveal_compensations(board boards, of_user uuid) RETURNS void LANGUAGE sql AS $$
    DELETE FROM hidden_acts h WHERE h.board_id = board.id AND h.user_id = of_user
        AND NOT EXISTS (SELECT FROM acts_to_reveal r WHERE r.action_id = h.action_id);
    UPDATE compensations SET hidden = false
        WHERE board_id = board.id AND user_id = of_user AND hidden;
    UPDATE standings s SET
        score = coalesce(shown.score, 0),
        order_score = CASE board.better WHEN 'high' THEN -1 ELSE 1 END * coalesce(shown.score, 0),
        listed = shown.act_id IS NOT NULL AND is_listed(board, shown.score)
            AND player.status IN ('active', 'flagged'),
        revision = s.revision + 1,
        reached_at = coalesce(shown.reached_at, s.reached_at),
        reached_action_id = coalesce(shown.act_id, 0),
        changed_at = clock_timestamp()
        FROM users player, hidden_standings h
        LEFT JOIN shown_scores(board, of_user) AS shown
            ON shown.period = h.period AND shown.starts_on = h.starts_on
        WHERE player.id = of_user AND h.user_id = of_user AND h.board_id = board.id
            AND (s.board_id, s.period, s.starts_on, s.user_id)
                = (h.board_id, h.period, h.starts_on, h.user_id)
            AND (s.score, s.reached_action_id)
                IS DISTINCT FROM (shown.score, shown.act_id)
$$
"""
NEW_FUNCTIONS = (
    "reveal_compensations(boards, uuid)",
    "reveal_act(boards, hidden_acts)",
    "shown_scores(boards, uuid)",
)


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("boards", sa.Column("finalized_at", MOMENT))
    op.create_check_constraint(op.f("boards_final_check"), "boards", FINAL)
    op.create_table(
        "reveal_steps",
        sa.Column("board_id", sa.Integer, nullable=False),
        sa.Column("frozen_at", MOMENT, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("made_at", MOMENT, nullable=False, server_default=sa.text("clock_timestamp()")),
        sa.Column("acts", JSONB, nullable=False),
        sa.Column("compensations", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("standings", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("board_id", "frozen_at", "number", name="reveal_steps_pkey"),
        sa.ForeignKeyConstraint(["board_id"], ["boards.id"], name="reveal_steps_board_id_fkey"),
        sa.CheckConstraint("kind IN ('act', 'player', 'all')", name="kind"),
    )
    shown_scores = replaced(_of("0011").REMAINING_SCORES, "remaining_scores", "shown_scores")
    shown_scores = replaced(shown_scores, "remaining_acts", "shown_acts")
    for statement in (ACTS_TO_REVEAL, shown_scores, REVEAL_ACT, REVEAL_COMPENSATIONS):
        op.execute(statement)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    for function in NEW_FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW acts_to_reveal")
    op.drop_table("reveal_steps")
    op.drop_constraint("boards_final_check", "boards")
    op.drop_column("boards", "finalized_at")


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
