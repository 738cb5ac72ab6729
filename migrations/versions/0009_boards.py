"""Boards beside `main`, their periods, and scores from a trusted server.

The board `main` has the id 0. Its standing of all time stays in `users`, so no player's row is
copied. Adding the columns of `actions` changes the catalog only, because their default is constant.
The version before counts for `main` only, and does not name the new columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP, UUID

from app.storage.table_locks import TableLock, run_with_locks

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")
MOMENT = TIMESTAMP(timezone=True)
# CREATE TABLE with a foreign key to users takes the weaker lock on it.
LOCKS = [TableLock("users", "SHARE ROW EXCLUSIVE"), TableLock("actions", "ACCESS EXCLUSIVE")]
MAIN = (
    "INSERT INTO boards (id, key, title, better, combine, scored_by, min_points, max_points,"
    " periods, time_zone) OVERRIDING SYSTEM VALUE"
    " VALUES (0, 'main', 'Live Scoreboard', 'high', 'sum', 'players', 1, 1, '{all}', 'UTC')"
)

# A date and not a moment: where clocks are set back over midnight, the moment of midnight is not
# unique. The date by the board's clocks is.
PERIOD_START = """
CREATE FUNCTION period_start(period text, time_zone text, moment timestamptz) RETURNS date
LANGUAGE sql STABLE AS $$
    SELECT CASE period WHEN 'all' THEN '-infinity'::date
        ELSE date_trunc(period, moment AT TIME ZONE time_zone)::date END
$$
"""

# Guarantees, all in one transaction:
#   * an act is inserted at most once, whatever batches name it; the same id with another player,
#     board or number of points is a conflict and changes nothing;
#   * the standing of each period of the board changes together with the act;
#   * users are locked in the order of their ids, and after that acts are inserted in the order of
#     theirs, so batches that overlap wait for each other but never in a circle.
COUNT = """
CREATE FUNCTION count_scores(
    user_ids uuid[], board_ids integer[], issued_at_ms bigint[], nonces uuid[],
    given_points integer[], labels text[], lifetime_ms bigint, max_lead_ms bigint,
    OUT place bigint, OUT verdict text, OUT score_now bigint
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    act record;
    board boards;
    earlier record;
    action record;
    player_status text;
    known bigint;
    moment timestamptz;
BEGIN
    PERFORM FROM users WHERE id = ANY (user_ids) ORDER BY id FOR NO KEY UPDATE;
    FOR act IN
        SELECT * FROM unnest(user_ids, board_ids, issued_at_ms, nonces, given_points, labels)
            WITH ORDINALITY
            AS asked(user_id, board_id, issued_ms, nonce, points, label, ordinal)
            ORDER BY issued_ms, nonce, ordinal
    LOOP
        place := act.ordinal;
        score_now := NULL;
        moment := clock_timestamp();
        SELECT * INTO board FROM boards WHERE id = act.board_id;
        SELECT status INTO player_status FROM users WHERE id = act.user_id;
        SELECT score INTO known FROM standings
            WHERE board_id = board.id AND period = board.periods[1] AND user_id = act.user_id
            AND starts_on = period_start(board.periods[1], board.time_zone, moment);
        SELECT user_id, board_id, points, score_after INTO earlier FROM actions
            WHERE issued_at = to_timestamp(act.issued_ms / 1000.0) AND nonce = act.nonce;
        IF NOT FOUND THEN
            verdict := CASE
                WHEN player_status IS NULL OR player_status = 'deleted' THEN 'unknown_user'
                WHEN player_status = 'banned' THEN 'banned'
                WHEN board.archived_at IS NOT NULL THEN 'not_open'
                WHEN act.points NOT BETWEEN board.min_points AND board.max_points
                    THEN 'out_of_range'
                WHEN extract(epoch FROM moment) * 1000
                    NOT BETWEEN act.issued_ms - max_lead_ms AND act.issued_ms + lifetime_ms
                    THEN 'expired'
                ELSE 'counted' END;
            score_now := combined_score(board.combine, board.better, known, act.points);
            -- Redis holds scores as numbers of 53 bits.
            IF verdict = 'counted' AND abs(score_now) > 9007199254740991 THEN
                verdict := 'out_of_range';
            END IF;
            IF verdict <> 'counted' THEN
                score_now := NULL;
                RETURN NEXT;
                CONTINUE;
            END IF;
            INSERT INTO actions AS inserted
                (user_id, issued_at, nonce, points, score_after, created_at, board_id, label)
                VALUES (act.user_id, to_timestamp(act.issued_ms / 1000.0), act.nonce, act.points,
                    score_now, moment, act.board_id, act.label)
                ON CONFLICT (issued_at, nonce) DO NOTHING
                RETURNING id INTO action;
            IF FOUND THEN
                PERFORM add_to_standings(board, act.user_id, act.points, action.id, moment);
                RETURN NEXT;
                CONTINUE;
            END IF;
            -- Another transaction inserted the act and was committed after the search for it.
            SELECT user_id, board_id, points, score_after INTO earlier FROM actions
                WHERE issued_at = to_timestamp(act.issued_ms / 1000.0) AND nonce = act.nonce;
        END IF;
        IF earlier.user_id = act.user_id AND earlier.board_id = act.board_id
            AND earlier.points = act.points THEN
            verdict := 'repeated';
            score_now := earlier.score_after;
        ELSE
            verdict := 'conflict';
            score_now := NULL;
        END IF;
        RETURN NEXT;
    END LOOP;
END
$$
"""
COMBINED = """
CREATE FUNCTION combined_score(combine text, better text, known bigint, points bigint)
RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN known IS NULL OR combine = 'latest' THEN points
        WHEN combine = 'sum' THEN known + points
        WHEN better = 'high' THEN greatest(known, points)
        ELSE least(known, points) END
$$
"""
# A standing whose score stays the same keeps its act and revision, so that among equal scores the
# one reached first stays first. The user's row must be locked.
ADD = """
CREATE FUNCTION add_to_standings(
    board boards, of_user uuid, points bigint, act_id bigint, moment timestamptz
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO standings AS standing
        (board_id, period, starts_on, user_id, score, order_score, listed, revision,
        reached_at, reached_action_id, changed_at)
    SELECT board.id, period, period_start(period, board.time_zone, moment), of_user, points,
        CASE board.better WHEN 'high' THEN -points ELSE points END,
        is_listed(board, points), 1, moment, act_id, moment
    FROM unnest(board.periods) AS period
    ON CONFLICT (board_id, period, starts_on, user_id) DO UPDATE SET
        score = combined_score(board.combine, board.better, standing.score, excluded.score),
        order_score = CASE board.better WHEN 'high' THEN -1 ELSE 1 END
            * combined_score(board.combine, board.better, standing.score, excluded.score),
        listed = is_listed(board,
            combined_score(board.combine, board.better, standing.score, excluded.score)),
        revision = standing.revision + 1,
        reached_at = excluded.reached_at,
        reached_action_id = excluded.reached_action_id,
        changed_at = excluded.changed_at
    WHERE standing.score
        <> combined_score(board.combine, board.better, standing.score, excluded.score)
$$
"""
LISTED = """
CREATE FUNCTION is_listed(board boards, score bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT score <> 0 OR board.better = 'low' OR board.combine <> 'sum'
$$
"""


def upgrade() -> None:
    _create_boards()
    run_with_locks(op.get_bind(), LOCKS)
    op.add_column("actions", sa.Column("board_id", sa.Integer, nullable=False, server_default="0"))
    op.add_column("actions", sa.Column("label", sa.Text))
    _create_standings()
    for statement in (MAIN, PERIOD_START, COMBINED, LISTED, ADD, COUNT):
        op.execute(statement)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    for function in ("count_scores", "add_to_standings", "is_listed", "combined_score"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP FUNCTION period_start")
    op.drop_table("standings")
    # The version before would add these points to the board `main`.
    op.execute("DELETE FROM actions WHERE board_id <> 0")
    op.drop_column("actions", "label")
    op.drop_column("actions", "board_id")
    op.drop_table("boards")


def _create_boards() -> None:
    op.create_table(
        "boards",
        sa.Column("id", sa.Integer, sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("better", sa.Text, nullable=False),
        sa.Column("combine", sa.Text, nullable=False),
        sa.Column("scored_by", sa.Text, nullable=False),
        sa.Column("min_points", sa.Integer, nullable=False),
        sa.Column("max_points", sa.Integer, nullable=False),
        sa.Column("periods", ARRAY(sa.Text), nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, server_default=NOW),
        sa.Column("archived_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="boards_pkey"),
        sa.UniqueConstraint("key", name="boards_key_key"),
        sa.CheckConstraint("better IN ('high', 'low')", name=op.f("boards_better_check")),
        sa.CheckConstraint(
            "combine IN ('sum', 'best', 'latest')", name=op.f("boards_combine_check")
        ),
        sa.CheckConstraint(
            "scored_by IN ('players', 'service')", name=op.f("boards_scored_by_check")
        ),
        sa.CheckConstraint("min_points <= max_points", name=op.f("boards_points_check")),
    )


def _create_standings() -> None:
    op.create_table(
        "standings",
        sa.Column("board_id", sa.Integer, nullable=False),
        sa.Column("period", sa.Text, nullable=False),
        sa.Column("starts_on", sa.Date, nullable=False),
        sa.Column("user_id", UUID(as_uuid=False), nullable=False),
        sa.Column("score", sa.BigInteger, nullable=False),
        sa.Column("order_score", sa.BigInteger, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("reached_at", MOMENT, nullable=False),
        sa.Column("reached_action_id", sa.BigInteger, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "board_id", "period", "starts_on", "user_id", name="standings_pkey"
        ),
        sa.ForeignKeyConstraint(["board_id"], ["boards.id"], name="standings_board_id_fkey"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="standings_user_id_fkey"),
    )
    op.create_index(
        "standings_order",
        "standings",
        ["board_id", "period", "starts_on", "order_score", "reached_at", "reached_action_id"],
        postgresql_where=sa.text("listed"),
    )
    op.create_index("standings_user_id", "standings", ["user_id"])
    op.create_index("standings_changed_at", "standings", ["changed_at"])
