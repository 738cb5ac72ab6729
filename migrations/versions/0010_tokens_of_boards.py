"""Tokens of boards beside `main`, and days, weeks and months of `main`.

The version before calls count_action, which counts for `main` in all its periods too. It does not
publish the days, weeks and months; the reconciler of this version does.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP

from app.storage.schema.functions import changed
from app.storage.table_locks import TableLock, run_with_locks

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

LOCKS = [TableLock("boards", "ACCESS EXCLUSIVE")]

# Guarantees, all in one transaction: the token is counted at most once, the standing of each period
# of its board changes together with the act, and the user's row is locked first.
# `others` has the user's present standings besides that of `main` and all time, in the order of the
# board's periods: [period, first day, score, revision, reached at, changed at, listed]. NULL if
# there can be none.
COUNT = """
CREATE FUNCTION count_token(
    of_user uuid, token_issued_at bigint, token_nonce uuid, lifetime bigint, token_board integer,
    OUT verdict text, OUT first_score bigint, OUT new_score bigint, OUT new_revision bigint,
    OUT reached bigint, OUT changed bigint, OUT others jsonb
) LANGUAGE plpgsql AS $$
DECLARE
    player record;
    action record;
    board boards;
    known bigint;
    has_others boolean := token_board <> 0;
    issued timestamptz := to_timestamp(token_issued_at / 1000.0);
    moment timestamptz;
BEGIN
    SELECT status, score, revision, reached_at, changed_at INTO player
        -- NO KEY, so that foreign keys of sessions and actions can be checked at the same time.
        FROM users WHERE id = of_user AND status <> 'deleted' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        verdict := 'unknown';
        RETURN;
    END IF;
    IF player.status = 'banned' THEN
        verdict := 'banned';
        RETURN;
    END IF;
    IF token_board <> 0 THEN
        SELECT * INTO board FROM boards WHERE id = token_board;
    ELSIF EXISTS (SELECT FROM boards WHERE id = 0 AND cardinality(periods) > 1) THEN
        SELECT * INTO board FROM boards WHERE id = 0;
        has_others := true;
    END IF;
    moment := clock_timestamp();
    known := player.score;
    IF token_board <> 0 THEN
        known := coalesce((SELECT score FROM standings
            WHERE board_id = token_board AND period = board.periods[1] AND user_id = of_user
            AND starts_on = period_start(board.periods[1], board.time_zone, moment)), 0);
    END IF;
    -- INSERT first, because it finds its partition without planning, which SELECT does not.
    -- Only this clock decides on the age of the token, and only here, under the lock of the user.
    IF moment <= to_timestamp((token_issued_at + lifetime) / 1000.0)
        AND board.archived_at IS NULL THEN
        INSERT INTO actions (user_id, issued_at, nonce, points, score_after, created_at, board_id)
            VALUES (of_user, issued, token_nonce, 1, known + 1, moment, token_board)
            ON CONFLICT (issued_at, nonce) DO NOTHING RETURNING id INTO action;
        IF FOUND THEN
            verdict := 'counted';
            IF token_board = 0 THEN
                new_score := player.score + 1;
                new_revision := player.revision + 1;
                reached := (extract(epoch FROM moment) * 1000000)::bigint;
                changed := reached;
                UPDATE users SET score = new_score, revision = new_revision, reached_at = moment,
                    reached_action_id = action.id, changed_at = moment
                    WHERE id = of_user;
            END IF;
            IF has_others THEN
                PERFORM add_to_standings(board, of_user, 1, action.id, moment);
                others := present_standings(board, of_user, moment);
            END IF;
            RETURN;
        END IF;
    END IF;
    SELECT score_after INTO first_score
        FROM actions WHERE issued_at = issued AND nonce = token_nonce;
    IF NOT FOUND THEN
        verdict := CASE WHEN board.archived_at IS NULL THEN 'expired' ELSE 'not_open' END;
        RETURN;
    END IF;
    verdict := 'used';
    IF token_board = 0 THEN
        new_score := player.score;
        new_revision := player.revision;
        reached := coalesce((extract(epoch FROM player.reached_at) * 1000000)::bigint, 0);
        changed := (extract(epoch FROM player.changed_at) * 1000000)::bigint;
    END IF;
    IF has_others THEN
        others := present_standings(board, of_user, moment);
    END IF;
END
$$
"""
PRESENT_STANDINGS = """
CREATE FUNCTION present_standings(board boards, of_user uuid, moment timestamptz)
RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_agg(jsonb_build_array(
            s.period, s.starts_on, -s.order_score, s.revision,
            (extract(epoch FROM s.reached_at) * 1000000)::bigint,
            (extract(epoch FROM s.changed_at) * 1000000)::bigint, s.listed
        ) ORDER BY kind.position)
    FROM unnest(board.periods) WITH ORDINALITY AS kind(period, position)
    JOIN standings s ON s.board_id = board.id AND s.period = kind.period AND s.user_id = of_user
        AND s.starts_on = period_start(kind.period, board.time_zone, moment)
$$
"""
COUNT_ACTION = """
CREATE OR REPLACE FUNCTION count_action(
    of_user uuid, token_issued_at bigint, token_nonce uuid, lifetime bigint,
    OUT verdict text, OUT first_score bigint, OUT new_score bigint, OUT new_revision bigint,
    OUT reached bigint, OUT changed bigint
) LANGUAGE plpgsql AS $$
BEGIN
    SELECT counted.verdict, counted.first_score, counted.new_score, counted.new_revision,
        counted.reached, counted.changed
        INTO verdict, first_score, new_score, new_revision, reached, changed
        FROM count_token(of_user, token_issued_at, token_nonce, lifetime, 0) AS counted;
END
$$
"""
# A standing whose score stays the same keeps its act and revision, so that among equal scores the
# one reached first stays first. The standing of `main` and all time is in users. The user's row
# must be locked.
ADD = """
CREATE OR REPLACE FUNCTION add_to_standings(
    board boards, of_user uuid, points bigint, act_id bigint, moment timestamptz
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO standings AS standing
        (board_id, period, starts_on, user_id, score, order_score, listed, revision,
        reached_at, reached_action_id, changed_at)
    SELECT board.id, kind.period, period_start(kind.period, board.time_zone, moment), of_user,
        points, CASE board.better WHEN 'high' THEN -points ELSE points END,
        is_listed(board, points), 1, moment, act_id, moment
    FROM unnest(board.periods, board.periods_from) AS kind(period, counted_from)
    WHERE (board.id <> 0 OR kind.period <> 'all')
        AND (kind.counted_from IS NULL OR kind.counted_from <= moment)
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


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    # When a period that was added later began to count; NULL, or missing: with the board.
    op.add_column(
        "boards",
        sa.Column(
            "periods_from", ARRAY(TIMESTAMP(timezone=True)), nullable=False, server_default="{}"
        ),
    )
    for statement in (PRESENT_STANDINGS, ADD, COUNT, COUNT_ACTION):
        op.execute(statement)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    # The version before does not count for these periods and these boards.
    op.execute("DELETE FROM standings WHERE board_id = 0")
    op.execute("UPDATE boards SET periods = '{all}' WHERE id = 0")
    op.execute("DROP FUNCTION count_token(uuid, bigint, uuid, bigint, integer)")
    op.execute("DROP FUNCTION present_standings(boards, uuid, timestamptz)")
    op.execute(changed(_of("0009").ADD))
    op.execute(_of("0005").COUNT)
    op.drop_column("boards", "periods_from")


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
