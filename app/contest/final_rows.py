"""Rows of a final table: standings with the step of the reveal that showed each of them last."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, text

from app.boards.board import Board
from app.boards.periods import Period
from app.contract.standings import Standing

_ROWS = text(
    "SELECT rank() OVER (ORDER BY s.order_score), s.user_id::text, u.username, u.display_name,"
    "  s.score, step.number FROM standings s JOIN users u ON u.id = s.user_id"
    " LEFT JOIN (SELECT shown.user_id, max(r.number) AS number FROM reveal_steps r,"
    "    jsonb_to_recordset(r.standings) AS shown (user_id uuid)"
    "    WHERE r.board_id = :board_id AND r.frozen_at = :frozen_at GROUP BY shown.user_id) AS step"
    "  ON step.user_id = s.user_id"
    " WHERE s.board_id = :board_id AND s.period = :period AND s.listed"
    "  AND s.starts_on = coalesce(CAST(:starts_on AS date), '-infinity')"
    " ORDER BY s.order_score, s.reached_at, s.reached_action_id"
)


class FinalRow(NamedTuple):
    """One row of a final table."""

    standing: Standing
    reveal_step: int | None
    """The last step of the reveal that showed acts of the player; None if no step did."""


def read(connection: Connection, board: Board, period: Period) -> tuple[FinalRow, ...]:
    """All rows of a period in the order of the board."""
    values = {
        "board_id": board.id,
        "frozen_at": board.clock.freezes_at,
        "period": period.kind,
        "starts_on": period.starts_on,
    }
    rows = connection.execute(_ROWS, values)
    return tuple(FinalRow(Standing(*standing), step) for *standing, step in rows)
