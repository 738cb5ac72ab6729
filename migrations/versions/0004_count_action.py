"""count_action: the transaction of an increment in one round trip.

The statements of a function are planned once per connection instead of once per increment, also
behind a pooler without prepared statements. The version before doesn't call it.
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Each statement of a volatile function sees what was committed before it starts. So the search for
# the token, after the lock, finds the token if another transaction counted it during the wait.
CREATE = """
CREATE FUNCTION count_action(
    of_user uuid, token_issued_at bigint, token_nonce uuid, lifetime bigint,
    OUT verdict text, OUT first_score bigint, OUT new_score bigint, OUT new_revision bigint,
    OUT reached bigint, OUT changed bigint
) LANGUAGE plpgsql AS $$
DECLARE
    player record;
    action record;
    issued timestamptz := to_timestamp(token_issued_at / 1000.0);
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
    SELECT score_after INTO first_score
        FROM actions WHERE issued_at = issued AND nonce = token_nonce;
    IF FOUND THEN
        verdict := 'used';
        new_score := player.score;
        new_revision := player.revision;
        reached := coalesce((extract(epoch FROM player.reached_at) * 1000000)::bigint, 0);
        changed := (extract(epoch FROM player.changed_at) * 1000000)::bigint;
        RETURN;
    END IF;
    -- Only this clock decides on the age of the token, and only here, under the lock of the user.
    IF clock_timestamp() > to_timestamp((token_issued_at + lifetime) / 1000.0) THEN
        verdict := 'expired';
        RETURN;
    END IF;
    new_score := player.score + 1;
    new_revision := player.revision + 1;
    INSERT INTO actions (user_id, issued_at, nonce, points, score_after)
        VALUES (of_user, issued, token_nonce, 1, new_score) RETURNING id, created_at INTO action;
    UPDATE users SET score = new_score, revision = new_revision,
        reached_at = action.created_at, reached_action_id = action.id,
        changed_at = action.created_at
        WHERE id = of_user;
    verdict := 'counted';
    reached := (extract(epoch FROM action.created_at) * 1000000)::bigint;
    changed := reached;
END
$$
"""


def upgrade() -> None:
    op.execute(CREATE)


def downgrade() -> None:
    op.execute("DROP FUNCTION count_action(uuid, bigint, uuid, bigint)")
