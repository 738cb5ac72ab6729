"""Compares usernames in one way, whatever the locale of the database is.

The version before compares by lower(username), which depends on the locale: with a Turkish one
`admin` and `ADMIN` were two accounts. Its index stays until a later version. The new index begins
with the same name, by which both versions recognize a name that is taken.

Building the index stops writes to users, so a build that takes too long is cancelled. The operator
then builds the index concurrently and repeats the release.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from psycopg2.errors import QueryCanceled
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.storage.table_locks import TableLock, run_with_locks

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LOCKS = [TableLock("users", "SHARE ROW EXCLUSIVE")]
INDEX = "users_username_key_c"
KEY = 'lower(username COLLATE "C")'
# Requests wait for the lock until the commit, which must be within a second.
BUILD_MILLISECONDS = 700
IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:index)")
TAKEN_TWICE = text(
    "SELECT string_agg(id::text || ' ' || username, ', ' ORDER BY created_at) FROM users"
    ' GROUP BY lower(username COLLATE "C") HAVING count(*) > 1'
)


def upgrade() -> None:
    _refuse_names_taken_twice()
    valid = op.get_bind().execute(IS_VALID, {"index": INDEX}).scalar_one_or_none()
    if valid is None:
        _build()
    elif not valid:
        raise RuntimeError(
            f"The index {INDEX} is not finished. If no session builds it, run"
            f" `REINDEX INDEX CONCURRENTLY {INDEX}`, then repeat the release."
        )


def downgrade() -> None:
    run_with_locks(op.get_bind(), [TableLock("users", "ACCESS EXCLUSIVE")])
    op.drop_index(INDEX, "users")


def _build() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.execute(f"SET LOCAL statement_timeout = {BUILD_MILLISECONDS}")
    try:
        op.create_index(INDEX, "users", [sa.text(KEY)], unique=True)
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        raise RuntimeError(
            "Building an index would stop requests for too long. Run this in psql, then repeat the"
            f" release:\nCREATE UNIQUE INDEX CONCURRENTLY {INDEX} ON users ({KEY});"
        ) from error
    op.execute("SET LOCAL statement_timeout = 0")


def _refuse_names_taken_twice() -> None:
    # Which of the players keeps the name is the operator's decision.
    found = op.get_bind().execute(TAKEN_TWICE).scalars().all()
    if found:
        raise RuntimeError(
            "Some usernames differ only in letter case. Give all but one of each line another"
            " name by `flask users rename`, then repeat the release:\n" + "\n".join(found)
        )
