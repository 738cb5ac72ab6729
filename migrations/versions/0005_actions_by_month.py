"""Partitions the actions by month: the table becomes the first partition of a new table.

No row is copied and no index is built. Only one step takes long on a big table: to check that no
action is later than the end of the first partition. Reads and writes go on during this step. The
two steps that lock tables take milliseconds. The version before sees a table of the same columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from alembic import op
from sqlalchemy import Connection, text

from app.storage.table_locks import TableLock, run_with_locks

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

MONTHS_AHEAD = 3
# At least a month from now: until then a release that died after adding the CHECK can be repeated.
EDGE = text(
    "SELECT (date_trunc('month', greatest(now() + interval '1 month',"
    " (SELECT max(issued_at) FROM actions)) AT TIME ZONE 'UTC') + interval '1 month')"
    " AT TIME ZONE 'UTC', now()"
)
NEXT_ID = text("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM actions_id_seq")
# Attaching the first partition drops triggers of the foreign key on users, which takes this mode.
# With a weaker mode, an increment could lock its user, wait for actions, and cause a deadlock.
LOCKS = [TableLock("users", "ACCESS EXCLUSIVE"), TableLock("actions", "ACCESS EXCLUSIVE")]
PARENT = (
    "CREATE TABLE actions ("
    "id bigint NOT NULL DEFAULT nextval('actions_id_seq'),"
    "user_id uuid NOT NULL,"
    "issued_at timestamptz NOT NULL,"
    "nonce uuid NOT NULL,"
    "points integer NOT NULL,"
    "score_after bigint NOT NULL,"
    "created_at timestamptz NOT NULL DEFAULT clock_timestamp(),"
    "CONSTRAINT actions_pkey PRIMARY KEY (issued_at, nonce),"
    "CONSTRAINT actions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id)"
    ") PARTITION BY RANGE (issued_at)",
    "ALTER SEQUENCE actions_id_seq OWNED BY actions.id",
    "CREATE INDEX actions_user_id_created_at ON actions (user_id, created_at)",
)
# Does exactly what the function of 0004 does, in an order that suits partitions.
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
    -- INSERT first, because it finds its partition without planning, which SELECT does not.
    -- Only this clock decides on the age of the token, and only here, under the lock of the user.
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
        with transaction() as connection:
            run_with_locks(
                connection,
                [TableLock("actions", "ACCESS EXCLUSIVE")],
                [
                    "ALTER TABLE actions DROP CONSTRAINT IF EXISTS actions_first_partition,"
                    " ADD CONSTRAINT actions_first_partition"
                    f" CHECK (issued_at < '{edge:%Y-%m-%d} 00:00:00+00') NOT VALID"
                ],
            )
        with transaction() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE actions VALIDATE CONSTRAINT actions_first_partition"
            )
    run_with_locks(op.get_bind(), LOCKS, [*_first_partition(first, edge), *_months(edge, now)])
    op.execute(COUNT)


def _first_partition(first: str, edge: datetime) -> Iterator[str]:
    """Statements that make the table the first partition of a new table of its name."""
    # Identity columns can't be partitioned before PostgreSQL 17. Dropping it drops the sequence.
    yield "ALTER SEQUENCE actions_id_seq RENAME TO actions_identity_seq"
    yield (
        "EXECUTE 'CREATE SEQUENCE actions_id_seq START ' || ("
        "SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM actions_identity_seq)"
    )
    yield "ALTER TABLE actions ALTER COLUMN id DROP IDENTITY"
    yield f"ALTER TABLE actions RENAME TO {first}"
    yield f"ALTER TABLE {first} RENAME CONSTRAINT actions_pkey TO {first}_pkey"
    yield f"ALTER INDEX actions_user_id_created_at RENAME TO {first}_user_id_created_at_idx"
    yield from PARENT
    # With the validated CHECK, PostgreSQL doesn't read every row.
    yield _attach(first, "MINVALUE", edge)
    yield f"ALTER TABLE {first} DROP CONSTRAINT actions_first_partition"
    yield "CREATE TABLE actions_default PARTITION OF actions DEFAULT"


def _months(first: datetime, now: datetime) -> Iterator[str]:
    """Statements that make a partition for each month from `first` to MONTHS_AHEAD from now."""
    month, last = first, _later(now, MONTHS_AHEAD)
    while month <= last:
        name, after = f"actions_{month:%Y_%m}", _later(month, 1)
        yield f"CREATE TABLE {name} (LIKE actions)"
        yield _attach(name, f"'{month:%Y-%m-%d} 00:00:00+00'", after)
        month = after


def downgrade() -> None:
    """Copies all actions, which takes long on a big table. Detached partitions are not copied.

    The function count_action stays as it is, because it works on one table too.
    """
    run_with_locks(op.get_bind(), LOCKS)
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


@contextmanager
def transaction() -> Iterator[Connection]:
    """A transaction inside autocommit_block(), without the time limits of short requests."""
    connection = op.get_bind()
    # A pooler's connection has these limits, and SET LOCAL needs a transaction.
    connection.exec_driver_sql("BEGIN; SET LOCAL statement_timeout = 0")
    yield connection
    connection.exec_driver_sql("COMMIT")


def _attach(name: str, begin: str, end: datetime) -> str:
    return (
        f"ALTER TABLE actions ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({begin}) TO ('{end:%Y-%m-%d} 00:00:00+00')"
    )


def _later(moment: datetime, months: int) -> datetime:
    """The beginning of the month that is `months` later."""
    years, month = divmod(moment.month - 1 + months, 12)
    return datetime(moment.year + years, month + 1, 1, tzinfo=UTC)
