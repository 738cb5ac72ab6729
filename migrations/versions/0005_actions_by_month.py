"""The actions by month: the table becomes the first partition of one that is partitioned.

Nothing is copied and no index is built. The one thing that takes long on a big table, proving that
no action is later than the first partition's end, is done while everybody reads and writes. The
two steps that lock the tables take milliseconds; where somebody is long in the way they give up
within half a second, and try again, so that nobody queues behind them. The version before sees a
table of the same columns.
"""

from __future__ import annotations

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import text

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MONTHS_AHEAD = 3
# One month at least from now: a release that dies after the CHECK may be repeated until then.
EDGE = text(
    "SELECT (date_trunc('month', greatest(now() + interval '1 month',"
    " (SELECT max(issued_at) FROM actions)) AT TIME ZONE 'UTC') + interval '1 month')"
    " AT TIME ZONE 'UTC', now()"
)
NEXT_ID = text("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM actions_id_seq")
PATIENTLY = """
DO $$ BEGIN
    FOR attempt IN 1..600 LOOP
        BEGIN
            SET LOCAL lock_timeout = '400ms';
            {}
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.6);
        END;
    END LOOP;
    RAISE 'users or actions are locked by somebody all the time; run the release again';
END $$
"""
# In the order in which an increment takes them.
LOCK = PATIENTLY.format(
    "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE; LOCK TABLE actions IN ACCESS EXCLUSIVE MODE;"
)
PARENT = """
CREATE SEQUENCE actions_id_seq START {next_id};
CREATE TABLE actions (
    id bigint NOT NULL DEFAULT nextval('actions_id_seq'),
    user_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    nonce uuid NOT NULL,
    points integer NOT NULL,
    score_after bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT actions_pkey PRIMARY KEY (issued_at, nonce),
    CONSTRAINT actions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)
) PARTITION BY RANGE (issued_at);
ALTER SEQUENCE actions_id_seq OWNED BY actions.id;
CREATE INDEX actions_user_id_created_at ON actions (user_id, created_at);
"""
# What 0004 does, by its name and to the letter, in the order that suits months.
COUNT = """
CREATE OR REPLACE FUNCTION count_action(
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
        -- NO KEY: foreign keys of sessions and actions may be checked meanwhile.
        FROM users WHERE id = of_user AND status <> 'deleted' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        verdict := 'unknown';
        RETURN;
    END IF;
    IF player.status = 'banned' THEN
        verdict := 'banned';
        RETURN;
    END IF;
    -- Before it is looked for: an INSERT knows its month without being planned, a SELECT does not.
    -- The token's age is judged by this clock, and only here, where the user's row is locked.
    IF clock_timestamp() <= to_timestamp((token_issued_at + lifetime) / 1000.0) THEN
        INSERT INTO actions (user_id, issued_at, nonce, points, score_after)
            VALUES (of_user, issued, token_nonce, 1, player.score + 1)
            ON CONFLICT (issued_at, nonce) DO NOTHING RETURNING id, created_at INTO action;
        IF FOUND THEN
            new_score := player.score + 1;
            new_revision := player.revision + 1;
            UPDATE users SET score = new_score, revision = new_revision,
                reached_at = action.created_at, reached_action_id = action.id,
                changed_at = action.created_at
                WHERE id = of_user;
            verdict := 'counted';
            reached := (extract(epoch FROM action.created_at) * 1000000)::bigint;
            changed := reached;
            RETURN;
        END IF;
    END IF;
    SELECT score_after INTO first_score
        FROM actions WHERE issued_at = issued AND nonce = token_nonce;
    IF NOT FOUND THEN
        verdict := 'expired';
        RETURN;
    END IF;
    verdict := 'used';
    new_score := player.score;
    new_revision := player.revision;
    reached := coalesce((extract(epoch FROM player.reached_at) * 1000000)::bigint, 0);
    changed := (extract(epoch FROM player.changed_at) * 1000000)::bigint;
END
$$
"""


def upgrade() -> None:
    edge, now = (moment.astimezone(UTC) for moment in op.get_bind().execute(EDGE).one())
    first = f"actions_before_{edge:%Y_%m}"
    with op.get_context().autocommit_block():
        _alone(
            PATIENTLY.format(
                "ALTER TABLE actions DROP CONSTRAINT IF EXISTS actions_first_partition,"
                " ADD CONSTRAINT actions_first_partition"
                f" CHECK (issued_at < '{edge:%Y-%m-%d} 00:00:00+00') NOT VALID;"
            )
        )
        _alone("ALTER TABLE actions VALIDATE CONSTRAINT actions_first_partition")
    op.execute(LOCK)
    next_id = op.get_bind().execute(NEXT_ID).scalar_one()
    # Identity columns can't be partitioned before PostgreSQL 17; dropping it drops the sequence.
    op.execute("ALTER TABLE actions ALTER COLUMN id DROP IDENTITY")
    op.execute(f"ALTER TABLE actions RENAME TO {first}")
    op.execute(f"ALTER TABLE {first} RENAME CONSTRAINT actions_pkey TO {first}_pkey")
    op.execute(f"ALTER INDEX actions_user_id_created_at RENAME TO {first}_user_id_created_at_idx")
    op.execute(PARENT.format(next_id=next_id))
    # The validated CHECK spares the attaching a look at every row.
    _attach(first, "MINVALUE", edge)
    op.execute(f"ALTER TABLE {first} DROP CONSTRAINT actions_first_partition")
    op.execute("CREATE TABLE actions_default PARTITION OF actions DEFAULT")
    month, last = edge, _later(now, MONTHS_AHEAD)
    while month <= last:
        name, after = f"actions_{month:%Y_%m}", _later(month, 1)
        op.execute(f"CREATE TABLE {name} (LIKE actions)")
        _attach(name, f"'{month:%Y-%m-%d} 00:00:00+00'", after)
        month = after
    op.execute(COUNT)


def downgrade() -> None:
    """Copies everything, which takes as long as it takes; what was detached stays where it is.

    The function that counts stays too: on one table it does the same.
    """
    op.execute(LOCK)
    next_id = op.get_bind().execute(NEXT_ID).scalar_one()
    op.execute("ALTER TABLE actions RENAME TO actions_by_month")
    op.execute("CREATE TABLE actions (LIKE actions_by_month)")
    op.execute("INSERT INTO actions SELECT * FROM actions_by_month")
    op.execute("DROP TABLE actions_by_month")
    op.execute(
        f"ALTER TABLE actions"
        f" ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START WITH {next_id}),"
        " ALTER COLUMN created_at SET DEFAULT clock_timestamp(),"
        " ADD CONSTRAINT actions_pkey PRIMARY KEY (issued_at, nonce),"
        " ADD CONSTRAINT actions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)"
    )
    op.create_index("actions_user_id_created_at", "actions", ["user_id", "created_at"])


def _alone(statement: str) -> None:
    # SET LOCAL is for a transaction; a pooler's connections have the limits of short requests.
    op.execute(f"BEGIN; SET LOCAL statement_timeout = 0; {statement}; COMMIT")


def _attach(name: str, begin: str, end: datetime) -> None:
    op.execute(
        f"ALTER TABLE actions ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({begin}) TO ('{end:%Y-%m-%d} 00:00:00+00')"
    )


def _later(moment: datetime, months: int) -> datetime:
    """The beginning of the month that is so many later."""
    years, month = divmod(moment.month - 1 + months, 12)
    return datetime(moment.year + years, month + 1, 1, tzinfo=UTC)
