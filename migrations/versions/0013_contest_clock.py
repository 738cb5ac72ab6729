"""The contest clock of boards: acts before it opens and after it closes are refused.

The version before does not know the clock: it sets no times, and the functions that it calls obey
those that are set.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.storage.schema.functions import changed
from app.storage.table_locks import TableLock, run_with_locks

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LOCKS = [TableLock("boards", "ACCESS EXCLUSIVE")]
CLOCK = ("opens_at", "closes_at")

OPEN = """
CREATE FUNCTION is_open(board boards, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT board.archived_at IS NULL AND coalesce(board.opens_at <= moment, true)
        AND coalesce(moment < board.closes_at, true)
$$
"""
# Acts hold the locks of their boards in shared mode, and a change of a clock holds that of its
# board alone. So no act is counted by a clock that was changed before it. A change of a clock locks
# no users. The first key is arbitrary; nothing else uses locks with two keys.
LOCK_BOARDS = """
CREATE FUNCTION lock_clocks(board_ids integer[]) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock_shared(1019, id)
    FROM (SELECT DISTINCT id FROM unnest(board_ids) AS id ORDER BY id) AS asked
$$
"""
# For callers that hold other locks, which must not wait for a clock. The board `main` has none.
TRY_LOCK_BOARD = """
CREATE FUNCTION try_lock_clock(board_id integer) RETURNS boolean LANGUAGE sql AS $$
    SELECT board_id = 0 OR pg_try_advisory_xact_lock_shared(1019, board_id)
$$
"""
LOCK_BOARD = """
CREATE FUNCTION lock_clock_alone(board_id integer) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(1019, board_id)
$$
"""
NEW_FUNCTIONS = (
    "lock_clock_alone(integer)",
    "try_lock_clock(integer)",
    "lock_clocks(integer[])",
    "is_open(boards, timestamptz)",
)
# What changes in the functions that count: (before, after).
IN_COUNT_SCORES = (
    (
        "    PERFORM FROM users WHERE id = ANY (user_ids)",
        "    PERFORM lock_clocks(board_ids);\n    PERFORM FROM users WHERE id = ANY (user_ids)",
    ),
    ("WHEN board.archived_at IS NOT NULL THEN", "WHEN NOT is_open(board, moment) THEN"),
)
IN_COUNT_TOKEN = (
    # The board `main` has no clock.
    (
        "        SELECT * INTO board FROM boards WHERE id = token_board;\n",
        "        PERFORM lock_clocks(ARRAY[token_board]);\n"
        "        SELECT * INTO board FROM boards WHERE id = token_board;\n",
    ),
    ("AND board.archived_at IS NULL THEN", "AND (token_board = 0 OR is_open(board, moment)) THEN"),
    (
        "CASE WHEN board.archived_at IS NULL THEN 'expired' ELSE 'not_open' END",
        "CASE WHEN token_board = 0 OR is_open(board, moment) THEN 'expired' ELSE 'not_open' END",
    ),
)


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    for name in CLOCK:
        op.add_column("boards", sa.Column(name, TIMESTAMP(timezone=True)))
    op.create_check_constraint(op.f("boards_clock_check"), "boards", "opens_at < closes_at")
    for statement in (OPEN, LOCK_BOARDS, TRY_LOCK_BOARD, LOCK_BOARD):
        op.execute(statement)
    op.execute(changed(_of("0011").count_scores(), IN_COUNT_SCORES))
    op.execute(changed(_of("0010").COUNT, IN_COUNT_TOKEN))


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.execute(_of("0011").count_scores())
    op.execute(changed(_of("0010").COUNT))
    for function in NEW_FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_constraint("boards_clock_check", "boards")
    for name in CLOCK:
        op.drop_column("boards", name)


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
