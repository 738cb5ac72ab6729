"""Points taken back on any board and in any period.

A compensation says which acts are taken back, and no act is changed. A standing is what the acts
that remain make, as if the others had never been counted. The version before takes points of `main`
and all time back by an action with negative points, as this one does too.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import TIMESTAMP, UUID

from app.storage.schema.functions import changed, replaced
from app.storage.table_locks import TableLock, run_with_locks

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = TIMESTAMP(timezone=True)
# CREATE TABLE with a foreign key takes the weaker lock on the table that it refers to.
LOCKS = [
    TableLock("users", "SHARE ROW EXCLUSIVE"),
    TableLock("boards", "SHARE ROW EXCLUSIVE"),
]

# The acts that make standings. Two kinds of actions of `main` only keep the sum of all time: those
# with negative points, and the sums of detached months, whose nonce is the user's id. Ids and not
# times end a compensation, because a clock may be set back.
REMAINING_ACTS = """
CREATE VIEW remaining_acts AS
    SELECT a.id, a.user_id, a.board_id, a.points, a.created_at FROM actions a
    WHERE (a.board_id <> 0 OR (a.points > 0 AND a.nonce <> a.user_id)) AND NOT EXISTS (
        SELECT FROM compensations c WHERE c.user_id = a.user_id AND c.board_id = a.board_id
        AND a.created_at >= c.since AND a.id < c.before_action_id)
"""
# Ids are in the order of counting, because acts of a user are counted under the lock of its row.
REMAINING_SCORES = """
CREATE FUNCTION remaining_scores(of_board boards, of_user uuid)
RETURNS TABLE (
    period text, starts_on date, user_id uuid, score bigint, reached_at timestamptz, act_id bigint
) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (act.period, act.starts_on, act.user_id)
        act.period, act.starts_on, act.user_id, act.score, act.created_at, act.id
    FROM (
        SELECT running.*, lag(running.score) OVER (
            PARTITION BY running.period, running.starts_on, running.user_id ORDER BY running.id
        ) AS score_before
        FROM (
            SELECT kind.period, begin.starts_on, a.user_id, a.created_at, a.id,
                (CASE of_board.combine
                    WHEN 'sum' THEN sum(a.points) OVER earlier
                    WHEN 'latest' THEN a.points
                    ELSE CASE of_board.better WHEN 'high' THEN max(a.points) OVER earlier
                        ELSE min(a.points) OVER earlier END END)::bigint AS score
            FROM unnest(of_board.periods, of_board.periods_from) AS kind(period, counted_from)
            JOIN remaining_acts a ON a.board_id = of_board.id
                AND (of_user IS NULL OR a.user_id = of_user)
                AND (kind.counted_from IS NULL OR a.created_at >= kind.counted_from),
            LATERAL (
                SELECT period_start(kind.period, of_board.time_zone, a.created_at) AS starts_on
            ) AS begin
            WHERE of_board.id <> 0 OR kind.period <> 'all'
            WINDOW earlier AS (
                PARTITION BY kind.period, begin.starts_on, a.user_id ORDER BY a.id
            )
        ) AS running
    ) AS act
    WHERE act.score IS DISTINCT FROM act.score_before
    ORDER BY act.period, act.starts_on, act.user_id, act.id DESC
$$
"""
# Guarantees, all in one transaction: acts of the user on the board since the moment are taken back
# once, and each of their periods shows what remains. Since -infinity, these are also the acts in
# detached months, which `acts` and `points` do not count. The user's row must be locked.
TAKE_BACK = """
CREATE FUNCTION take_back(
    of_user uuid, of_board integer, moment timestamptz,
    OUT done boolean, OUT acts bigint, OUT points bigint
) LANGUAGE plpgsql AS $$
DECLARE
    board boards;
BEGIN
    SELECT * INTO board FROM boards WHERE id = of_board;
    SELECT count(*), coalesce(sum(a.points), 0) INTO acts, points FROM remaining_acts a
        WHERE a.user_id = of_user AND a.board_id = of_board AND a.created_at >= moment;
    done := acts > 0 OR (moment = '-infinity' AND EXISTS (
        SELECT FROM standings s WHERE s.user_id = of_user AND s.board_id = of_board
        AND s.reached_action_id <> 0));
    IF NOT done THEN
        RETURN;
    END IF;
    INSERT INTO compensations (user_id, board_id, since, before_action_id)
        VALUES (of_user, of_board, moment, nextval('actions_id_seq'));
    UPDATE standings s SET
        score = coalesce(remaining.score, 0),
        order_score = CASE board.better WHEN 'high' THEN -1 ELSE 1 END
            * coalesce(remaining.score, 0),
        listed = remaining.act_id IS NOT NULL AND is_listed(board, remaining.score)
            AND player.status IN ('active', 'flagged'),
        revision = s.revision + 1,
        reached_at = coalesce(remaining.reached_at, s.reached_at),
        -- 0: no act makes this score, so the next act starts a new score.
        reached_action_id = coalesce(remaining.act_id, 0),
        changed_at = clock_timestamp()
        FROM users player, standings present
        LEFT JOIN remaining_scores(board, of_user) AS remaining
            ON remaining.period = present.period AND remaining.starts_on = present.starts_on
        WHERE player.id = of_user AND present.user_id = of_user AND present.board_id = of_board
            AND present.starts_on >= period_start(present.period, board.time_zone, moment)
            AND (s.board_id, s.period, s.starts_on, s.user_id)
                = (present.board_id, present.period, present.starts_on, present.user_id);
END
$$
"""
COUNTED_SCORE = """
CREATE FUNCTION counted_score(standing standings) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN standing.reached_action_id <> 0 THEN standing.score END
$$
"""


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.create_table(
        "compensations",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("user_id", UUID(as_uuid=False), nullable=False),
        sa.Column("board_id", sa.Integer, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("before_action_id", sa.BigInteger, nullable=False),
        sa.Column(
            "created_at", MOMENT, nullable=False, server_default=sa.text("clock_timestamp()")
        ),
        sa.PrimaryKeyConstraint("id", name="compensations_pkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="compensations_user_id_fkey"),
        sa.ForeignKeyConstraint(["board_id"], ["boards.id"], name="compensations_board_id_fkey"),
    )
    op.create_index("compensations_user_id", "compensations", ["user_id", "board_id"])
    statements = (REMAINING_ACTS, REMAINING_SCORES, TAKE_BACK, COUNTED_SCORE)
    for statement in (*statements, add_to_standings(), count_scores()):
        op.execute(statement)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.execute(changed(_of("0009").COUNT))
    op.execute(_of("0010").ADD)
    op.execute("DROP FUNCTION counted_score(standings)")
    op.execute("DROP FUNCTION take_back(uuid, integer, timestamptz)")
    op.execute("DROP FUNCTION remaining_scores(boards, uuid)")
    op.execute("DROP VIEW remaining_acts")
    # The version before would combine the next act with a score of 0 that no act made.
    op.execute("DELETE FROM standings WHERE reached_action_id = 0")
    op.drop_table("compensations")


def add_to_standings() -> str:
    """The function of migration 0010, which starts a new score if no act remains."""
    function = replaced(_of("0010").ADD, "standing.score", "counted_score(standing)", times=5)
    return replaced(
        function,
        "counted_score(standing)\n        <>",
        "counted_score(standing)\n        IS DISTINCT FROM",
    )


def count_scores() -> str:
    """The same for the score that an act adds to."""
    known = "SELECT score INTO known FROM standings"
    counted = "SELECT counted_score(standings) INTO known FROM standings"
    return changed(_of("0009").COUNT, [(known, counted)])


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
