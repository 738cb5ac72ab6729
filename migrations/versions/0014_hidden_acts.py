"""Acts of a frozen board are hidden.

A hidden act is in `actions` as every act, and in `hidden_acts`. It changes `hidden_standings`,
which nothing public reads, instead of `standings`. The functions that the version before calls hide
the acts of a board that the new version has frozen.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import TIMESTAMP

from app.storage.schema.functions import CREATE, REPLACE, changed, replaced
from app.storage.table_locks import TableLock, run_with_locks

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# CREATE TABLE with a foreign key takes the weaker lock on the table that it names.
LOCKS = [
    TableLock("users", "SHARE ROW EXCLUSIVE"),
    TableLock("boards", "ACCESS EXCLUSIVE"),
    TableLock("compensations", "ACCESS EXCLUSIVE"),
]
FREEZE = ("freezes_at", "thawed_at")
ORDER = "opens_at < closes_at"
WHOLE_ORDER = f"{ORDER} AND opens_at <= freezes_at AND freezes_at <= closes_at"

TABLES = (
    "CREATE TABLE hidden_acts (action_id bigint PRIMARY KEY,"
    " board_id integer NOT NULL REFERENCES boards, user_id uuid NOT NULL REFERENCES users,"
    " points bigint NOT NULL, created_at timestamptz NOT NULL)",
    "CREATE INDEX hidden_acts_board_id ON hidden_acts (board_id, user_id, action_id)",
    # The columns of standings in the same order.
    "CREATE TABLE hidden_standings (LIKE standings,"
    " PRIMARY KEY (board_id, period, starts_on, user_id),"
    " FOREIGN KEY (board_id) REFERENCES boards, FOREIGN KEY (user_id) REFERENCES users)",
    "CREATE INDEX hidden_standings_user_id ON hidden_standings (user_id)",
)
HIDES = """
CREATE FUNCTION hides_acts(board boards, moment timestamptz) RETURNS boolean LANGUAGE sql IMMUTABLE
AS $$
    SELECT board.freezes_at IS NOT NULL AND board.freezes_at <= moment AND board.thawed_at IS NULL
$$
"""
# A hidden standing starts as a copy of the shown one of its period.
HIDE = """
CREATE FUNCTION hide_act(
    board boards, of_user uuid, points bigint, act_id bigint, moment timestamptz
) RETURNS void LANGUAGE sql AS $$
    INSERT INTO hidden_acts VALUES (act_id, board.id, of_user, points, moment);
    INSERT INTO hidden_standings
        SELECT s.* FROM unnest(board.periods) AS kind JOIN standings s
            ON s.board_id = board.id AND s.period = kind AND s.user_id = of_user
            AND s.starts_on = period_start(kind, board.time_zone, moment)
        ON CONFLICT DO NOTHING;
    SELECT book_hidden_act(board, of_user, points, act_id, moment);
$$
"""
# Every act reaches the standings through this function. The user's row must be locked, and the lock
# of lock_clocks() held.
ADD = """
CREATE OR REPLACE FUNCTION add_to_standings(
    board boards, of_user uuid, points bigint, act_id bigint, moment timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF hides_acts(board, moment) THEN
        PERFORM hide_act(board, of_user, points, act_id, moment);
    ELSE
        PERFORM book_act(board, of_user, points, act_id, moment);
    END IF;
END
$$
"""
# The acts that make the shown standings: no hidden acts, and those that only a hidden compensation
# takes back.
SHOWN_ACTS = """
CREATE VIEW shown_acts AS
    SELECT a.id, a.user_id, a.board_id, a.points, a.created_at FROM actions a
    WHERE (a.board_id <> 0 OR (a.points > 0 AND a.nonce <> a.user_id))
        AND NOT EXISTS (SELECT FROM hidden_acts h WHERE h.action_id = a.id)
        AND NOT EXISTS (SELECT FROM compensations c
            WHERE c.user_id = a.user_id AND c.board_id = a.board_id AND NOT c.hidden
            AND a.created_at >= c.since AND a.id < c.before_action_id)
"""
# What a player has: the hidden standing of a period, or else the shown one.
REAL_STANDINGS = """
CREATE VIEW real_standings AS
    SELECT h.*, true AS hidden FROM hidden_standings h
    UNION ALL SELECT s.*, false FROM standings s WHERE NOT EXISTS (
        SELECT FROM hidden_standings h WHERE (h.board_id, h.period, h.starts_on, h.user_id)
            = (s.board_id, s.period, s.starts_on, s.user_id))
"""
NEW_FUNCTIONS = (
    "counted_score(hidden_standings)",
    "hide_act(boards, uuid, bigint, bigint, timestamptz)",
    "book_hidden_act(boards, uuid, bigint, bigint, timestamptz)",
    "book_act(boards, uuid, bigint, bigint, timestamptz)",
    "hides_acts(boards, timestamptz)",
)
COUNTED_SCORE = """
CREATE FUNCTION counted_score(standing hidden_standings) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN standing.reached_action_id <> 0 THEN standing.score END
$$
"""
# Points that are taken back in a freeze change the hidden standings, which start as copies of the
# shown ones. The lock is not waited for, because its holder may wait for the user's row.
TAKE_BACK = """    IF NOT try_lock_clock(of_board) THEN
        RAISE lock_not_available USING MESSAGE = 'the times of the board are being changed';
    END IF;
    SELECT * INTO board FROM boards WHERE id = of_board;
    IF hides_acts(board, clock_timestamp()) THEN
        -- The compensation that was inserted above is the newest.
        UPDATE compensations SET hidden = true WHERE user_id = of_user AND board_id = of_board
            AND before_action_id = (SELECT max(before_action_id) FROM compensations
                WHERE user_id = of_user AND board_id = of_board);
        INSERT INTO hidden_standings
            SELECT s.* FROM standings s WHERE s.user_id = of_user AND s.board_id = of_board
                AND s.starts_on >= period_start(s.period, board.time_zone, moment)
            ON CONFLICT DO NOTHING;
{hidden}
    ELSE
{shown}
    END IF;
END
$$
"""
# What changes in count_scores: (before, after). The result of a hidden act has no score, so that
# the reply to the service has none.
IN_COUNT_SCORES = (
    ("    known bigint;\n", "    known bigint;\n    hidden bigint;\n"),
    (
        """
        SELECT user_id, board_id, points, score_after INTO earlier FROM actions
""",
        """
        IF hides_acts(board, moment) THEN
            SELECT counted_score(h) INTO hidden FROM hidden_standings h
                WHERE board_id = board.id AND period = board.periods[1] AND user_id = act.user_id
                AND starts_on = period_start(board.periods[1], board.time_zone, moment);
            IF FOUND THEN
                known := hidden;
            END IF;
        END IF;
        SELECT id, user_id, board_id, points, score_after INTO earlier FROM actions
""",
    ),
    (
        "act.points, action.id, moment);\n",
        """act.points, action.id, moment);
                IF hides_acts(board, moment) THEN
                    score_now := NULL;
                END IF;
""",
    ),
    (
        "\n            SELECT user_id, board_id, points, score_after INTO earlier",
        "\n            SELECT id, user_id, board_id, points, score_after INTO earlier",
    ),
    (
        "            score_now := earlier.score_after;\n",
        """            IF NOT EXISTS (SELECT FROM hidden_acts WHERE action_id = earlier.id) THEN
                score_now := earlier.score_after;
            END IF;
""",
    ),
)
# The version before can't unfreeze, so the downgrade shows all hidden acts.
SHOW_ALL = """
INSERT INTO standings AS standing
    SELECT h.board_id, h.period, h.starts_on, h.user_id, h.score, h.order_score,
        h.listed AND u.status IN ('active', 'flagged'), h.revision, h.reached_at,
        h.reached_action_id, clock_timestamp()
    FROM hidden_standings h JOIN users u ON u.id = h.user_id
ON CONFLICT (board_id, period, starts_on, user_id) DO UPDATE SET
    score = excluded.score, order_score = excluded.order_score, listed = excluded.listed,
    revision = standing.revision + 1, reached_at = excluded.reached_at,
    reached_action_id = excluded.reached_action_id, changed_at = excluded.changed_at
"""


def upgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    for name in FREEZE:
        op.add_column("boards", sa.Column(name, TIMESTAMP(timezone=True)))
    _set_order(WHOLE_ORDER)
    op.create_check_constraint(
        op.f("boards_freeze_check"), "boards", "freezes_at IS NULL OR scored_by = 'service'"
    )
    op.execute("ALTER TABLE compensations ADD hidden boolean NOT NULL DEFAULT false")
    book_act = _book_act()
    book_hidden_act = replaced(book_act, "book_act", "book_hidden_act")
    book_hidden_act = replaced(book_hidden_act, "INTO standings", "INTO hidden_standings")
    in_count = (*_of("0013").IN_COUNT_SCORES, *IN_COUNT_SCORES)
    count_scores = changed(_of("0011").count_scores(), in_count)
    add = (HIDES, COUNTED_SCORE, book_act, book_hidden_act, HIDE, ADD)
    for statement in (*TABLES, SHOWN_ACTS, REAL_STANDINGS, *add, count_scores, _take_back()):
        op.execute(statement)


def downgrade() -> None:
    run_with_locks(op.get_bind(), LOCKS)
    op.execute(SHOW_ALL)
    op.execute(_of("0011").add_to_standings())
    op.execute(changed(_of("0011").count_scores(), _of("0013").IN_COUNT_SCORES))
    op.execute(changed(_of("0011").TAKE_BACK))
    for function in NEW_FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP VIEW real_standings, shown_acts")
    op.drop_column("compensations", "hidden")
    op.execute("DROP TABLE hidden_standings, hidden_acts")
    op.drop_constraint("boards_freeze_check", "boards")
    _set_order(ORDER)
    for name in FREEZE:
        op.drop_column("boards", name)


def _set_order(condition: str) -> None:
    op.drop_constraint("boards_clock_check", "boards")
    op.create_check_constraint(op.f("boards_clock_check"), "boards", condition)


def _book_act() -> str:
    """The add_to_standings of the version before, as a function of its own."""
    return replaced(
        _of("0011").add_to_standings(), f"{REPLACE} add_to_standings", f"{CREATE} book_act"
    )


def _take_back() -> str:
    """The function of the version before, which changes the hidden standings in a freeze."""
    has_score = "SELECT FROM standings s"
    function = changed(_of("0011").TAKE_BACK, [(has_score, "SELECT FROM real_standings s")])
    head, update, rest = function.partition("    UPDATE standings s SET")
    shown = update + replaced(rest, "END\n$$\n", "").rstrip()
    hidden = replaced(shown, " standings s SET", " hidden_standings s SET")
    hidden = replaced(hidden, " standings present", " hidden_standings present")
    # A ban may end before the hidden standings are shown, so their readers ask for the status.
    hidden = replaced(hidden, "\n            AND player.status IN ('active', 'flagged')", "")
    return head + TAKE_BACK.format(shown=shown, hidden=hidden)


def _of(revision_id: str) -> Any:
    """The module of an earlier migration."""
    return context.script.get_revision(revision_id).module
