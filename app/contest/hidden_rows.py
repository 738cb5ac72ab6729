"""Rows of the acts and standings that a frozen board hides."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from app.boards.periods import Period
from app.contract.standings import Standing

# ruff: noqa: S608 - the parts are constants of this module

# All players with hidden acts, if none are named.
_OF_PLAYERS = (
    "board_id = :board_id"
    " AND (CAST(:user_ids AS uuid[]) IS NULL OR user_id = ANY (CAST(:user_ids AS uuid[])))"
)
_LOCK_PLAYERS = text(
    "SELECT FROM users WHERE id = ANY (coalesce(CAST(:user_ids AS uuid[]),"
    "  ARRAY(SELECT user_id FROM hidden_standings WHERE board_id = :board_id)))"
    " ORDER BY id FOR SHARE"
)
# Standings that stay the same are left out, so that they keep their revision.
_SHOW = text(
    "INSERT INTO standings AS standing"
    "  (board_id, period, starts_on, user_id, score, order_score, listed, revision, reached_at,"
    "  reached_action_id, changed_at)"
    " SELECT h.board_id, h.period, h.starts_on, h.user_id, h.score, h.order_score,"
    "  h.listed AND u.status IN ('active', 'flagged'), 1, h.reached_at, h.reached_action_id,"
    "  clock_timestamp() FROM hidden_standings h JOIN users u ON u.id = h.user_id"
    f" WHERE {_OF_PLAYERS}"
    " ON CONFLICT (board_id, period, starts_on, user_id) DO UPDATE SET"
    "  score = excluded.score, order_score = excluded.order_score, listed = excluded.listed,"
    "  revision = standing.revision + 1, reached_at = excluded.reached_at,"
    "  reached_action_id = excluded.reached_action_id, changed_at = excluded.changed_at"
    " WHERE (standing.score, standing.reached_action_id)"
    "  <> (excluded.score, excluded.reached_action_id)"
)
# Hidden standings ignore bans, so the status of the player is checked here.
_REAL = text(
    "SELECT rank() OVER (ORDER BY r.order_score) AS rank, r.user_id::text, u.username,"
    "  u.display_name, r.score FROM real_standings r JOIN users u ON u.id = r.user_id"
    " WHERE r.board_id = :board_id AND r.period = :period AND r.listed"
    "  AND u.status IN ('active', 'flagged')"
    "  AND r.starts_on = coalesce(CAST(:starts_on AS date), '-infinity')"
    " ORDER BY r.order_score, r.reached_at, r.reached_action_id LIMIT :limit"
)
_PLAYERS = text(f"SELECT DISTINCT user_id::text FROM hidden_standings WHERE {_OF_PLAYERS}")
_SHOW_COMPENSATIONS = text(
    f"UPDATE compensations SET hidden = false WHERE hidden AND {_OF_PLAYERS}"
)
_FORGET_ACTS = text(f"DELETE FROM hidden_acts WHERE {_OF_PLAYERS}")
_FORGET_STANDINGS = text(f"DELETE FROM hidden_standings WHERE {_OF_PLAYERS}")


def real_standings(
    connection: Connection, board_id: int, period: Period, limit: int
) -> list[Standing]:
    """The first rows of a period with hidden acts; reads all rows of the period."""
    values = {
        "board_id": board_id,
        "period": period.kind,
        "starts_on": period.starts_on,
        "limit": limit,
    }
    return [Standing(*row) for row in connection.execute(_REAL, values)]


def lock_players(
    connection: Connection, board_id: int, user_ids: Sequence[str] | None = None
) -> None:
    """Lock these players, or all with hidden acts, so that other changes of them wait."""
    # Players before standings, in the order of a ban. So no ban changes between the two.
    values = {"board_id": board_id, "user_ids": user_ids and list(user_ids)}
    connection.execute(_LOCK_PLAYERS, values)


def show_all(
    connection: Connection, board_id: int, user_ids: Sequence[str] | None = None
) -> list[str]:
    """Make the hidden standings of these players, or of all, the shown ones; their ids.

    The board's clock and these players must be locked, so that no act is being counted.
    """
    values = {"board_id": board_id, "user_ids": user_ids and list(user_ids)}
    players = [user_id for (user_id,) in connection.execute(_PLAYERS, values)]
    for statement in (_SHOW, _SHOW_COMPENSATIONS, _FORGET_ACTS, _FORGET_STANDINGS):
        connection.execute(statement, values)
    return players
