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


def upgrade() -> None:
    edge, now = (moment.astimezone(UTC) for moment in op.get_bind().execute(EDGE).one())
    first = f"actions_before_{edge:%Y_%m}"
    with op.get_context().autocommit_block():
        op.execute(
            PATIENTLY.format(
                "ALTER TABLE actions DROP CONSTRAINT IF EXISTS actions_first_partition,"
                " ADD CONSTRAINT actions_first_partition"
                f" CHECK (issued_at < '{edge:%Y-%m-%d} 00:00:00+00') NOT VALID;"
            )
        )
        op.execute("ALTER TABLE actions VALIDATE CONSTRAINT actions_first_partition")
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


def downgrade() -> None:
    """Copies everything, which takes as long as it takes; what was detached stays where it is."""
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


def _attach(name: str, begin: str, end: datetime) -> None:
    op.execute(
        f"ALTER TABLE actions ATTACH PARTITION {name}"
        f" FOR VALUES FROM ({begin}) TO ('{end:%Y-%m-%d} 00:00:00+00')"
    )


def _later(moment: datetime, months: int) -> datetime:
    """The beginning of the month that is so many later."""
    years, month = divmod(moment.month - 1 + months, 12)
    return datetime(moment.year + years, month + 1, 1, tzinfo=UTC)
