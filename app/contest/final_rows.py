"""Rows of a final table: standings with the step of the reveal that showed each of them last."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from app.boards.board import Board
from app.boards.periods import Period
from app.contract.standings import Standing

# One statement, so that no step is made or undone between the check and the rows.
_ROWS = text(
    "WITH final AS (SELECT s.order_score, s.reached_at, s.reached_action_id,"
    "  rank() OVER (ORDER BY s.order_score), s.user_id::text, u.username, u.display_name,"
    "  s.score, step.number FROM standings s JOIN users u ON u.id = s.user_id"
    " LEFT JOIN (SELECT shown.user_id, max(r.number) AS number FROM reveal_steps r,"
    "    jsonb_to_recordset(r.standings) AS shown (user_id uuid)"
    "    WHERE r.board_id = :board_id AND r.frozen_at = :frozen_at GROUP BY shown.user_id) AS step"
    "  ON step.user_id = s.user_id"
    " WHERE s.board_id = :board_id AND s.period = :period AND s.listed"
    "  AND s.starts_on = coalesce(CAST(:starts_on AS date), '-infinity')),"
    # Banned players are not revealed.
    " hidden AS (SELECT EXISTS (SELECT FROM hidden_standings h JOIN users u ON u.id = h.user_id"
    "   AND u.status IN ('active', 'flagged') WHERE h.board_id = :board_id) AS are_acts)"
    " SELECT hidden.are_acts, final.rank, final.user_id, final.username, final.display_name,"
    "  final.score, final.number FROM hidden LEFT JOIN final ON NOT hidden.are_acts"
    " ORDER BY final.order_score, final.reached_at, final.reached_action_id"
)


class FinalRow(NamedTuple):
    """One row of a final table."""

    standing: Standing
    reveal_step: int | None
    """The last step of the reveal that showed acts of the player; None if no step did."""


def read(connection: Connection, board: Board, period: Period) -> tuple[FinalRow, ...] | None:
    """All rows of a period in the order of the board; None while acts are to be revealed."""
    values = {
        "board_id": board.id,
        "frozen_at": board.clock.freezes_at,
        "period": period.kind,
        "starts_on": period.starts_on,
    }
    # There is one row at least, which has no player if the table is empty or refused.
    rows = [tuple(row) for row in connection.execute(_ROWS, values)]
    if rows[0][0]:
        return None
    return tuple(
        FinalRow(Standing(*standing), step)
        for _, *standing, step in rows
        if standing[0] is not None
    )
