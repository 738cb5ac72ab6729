"""Rows of a reveal: the players with hidden acts, and the steps that showed some."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, text

from app.boards.periods import Period
from app.contest import hidden_rows
from app.contract.viewers import stored_steps
from app.contract.viewers.contests import RevealedStep

# ruff: noqa: S608 - the parts are constants of this module

StepKind = Literal["act", "player", "all"]
STEPS: tuple[StepKind, ...] = get_args(StepKind)

# The lowest first. Players without a shown standing stand below all others, and among them the one
# whose first hidden act is the latest. Banned players are not among them.
_TO_REVEAL = (
    " FROM (SELECT DISTINCT user_id FROM hidden_standings WHERE board_id = :board_id) AS p"
    " JOIN users u ON u.id = p.user_id AND u.status IN ('active', 'flagged')"
    " LEFT JOIN standings s ON s.user_id = p.user_id AND s.listed AND s.board_id = :board_id"
    "  AND s.period = :period AND s.starts_on = coalesce(CAST(:starts_on AS date), '-infinity')"
    " CROSS JOIN LATERAL (SELECT count(*) AS acts, min(r.action_id) AS first_id"
    "  FROM acts_to_reveal r WHERE r.board_id = :board_id AND r.user_id = p.user_id) AS hidden"
    " ORDER BY s.order_score DESC NULLS FIRST, s.reached_at DESC, s.reached_action_id DESC,"
    "  hidden.first_id DESC NULLS FIRST, p.user_id"
)
_ALL = text(f"SELECT p.user_id::text {_TO_REVEAL}")
_NEXT = text(
    "SELECT p.user_id::text, u.username, u.display_name,"
    "  CASE WHEN s.user_id IS NOT NULL THEN (SELECT count(*) FROM standings o"
    "    WHERE o.board_id = s.board_id AND o.period = s.period AND o.starts_on = s.starts_on"
    "    AND o.listed AND o.order_score < s.order_score) + 1 END, s.score,"
    "  greatest(hidden.acts, 1), CAST(sum(greatest(hidden.acts, 1)) OVER () AS bigint)"
    f" {_TO_REVEAL} LIMIT 1"
)
# A step of one act also shows which of the player's points were taken back.
_RECORD = text(
    "INSERT INTO reveal_steps"
    " (board_id, frozen_at, number, kind, acts, compensations, standings)"
    " SELECT :board_id, :frozen_at, :number, :kind,"
    "  (SELECT coalesce(jsonb_agg(to_jsonb(h)), '[]') FROM hidden_acts h"
    "    WHERE h.board_id = :board_id AND h.user_id = ANY (CAST(:user_ids AS uuid[]))"
    "    AND (:kind <> 'act' OR h.action_id ="
    "      (SELECT min(r.action_id) FROM acts_to_reveal r"
    "        WHERE r.board_id = h.board_id AND r.user_id = h.user_id)"
    "      OR NOT EXISTS (SELECT FROM acts_to_reveal r WHERE r.action_id = h.action_id))),"
    "  (SELECT coalesce(array_agg(c.id), '{}') FROM compensations c WHERE c.hidden"
    "    AND c.board_id = :board_id AND c.user_id = ANY (CAST(:user_ids AS uuid[]))),"
    "  (SELECT coalesce(jsonb_agg(jsonb_build_object('board_id', h.board_id,"
    "      'period', h.period, 'starts_on', h.starts_on, 'user_id', h.user_id,"
    "      'score', s.score, 'order_score', s.order_score, 'reached_at', s.reached_at,"
    "      'reached_action_id', s.reached_action_id)), '[]')"
    "    FROM hidden_standings h LEFT JOIN standings s ON"
    "      (s.board_id, s.period, s.starts_on, s.user_id)"
    "        = (h.board_id, h.period, h.starts_on, h.user_id)"
    "    WHERE h.board_id = :board_id AND h.user_id = ANY (CAST(:user_ids AS uuid[])))"
)
_SHOW_COMPENSATIONS = text(
    "SELECT reveal_compensations(b, CAST(:user_id AS uuid)) FROM boards b WHERE b.id = :board_id"
    " AND EXISTS (SELECT FROM compensations c"
    "   WHERE c.board_id = b.id AND c.user_id = CAST(:user_id AS uuid) AND c.hidden)"
)
_SHOW_OLDEST = text(
    "SELECT reveal_act(b, h) FROM boards b JOIN hidden_acts h ON h.board_id = b.id"
    " WHERE b.id = :board_id AND h.action_id = (SELECT min(action_id) FROM hidden_acts"
    "   WHERE board_id = :board_id AND user_id = CAST(:user_id AS uuid))"
)
_HAS_HIDDEN = text(
    "SELECT EXISTS (SELECT FROM hidden_acts"
    "  WHERE board_id = :board_id AND user_id = CAST(:user_id AS uuid))"
)
_LAST_STEP = text(
    "SELECT number, (SELECT coalesce(array_agg(DISTINCT user_id::text), '{}')"
    "   FROM jsonb_populate_recordset(CAST(NULL AS standings), standings))"
    " FROM reveal_steps WHERE board_id = :board_id AND frozen_at = :frozen_at"
    " ORDER BY number DESC LIMIT 1"
)
_ANNOUNCE = text(
    "UPDATE reveal_steps SET announced = CAST(:announced AS jsonb)"
    " WHERE (board_id, frozen_at, number) = (:board_id, :frozen_at, :number)"
)
_ANNOUNCED = text(
    "SELECT number, announced FROM reveal_steps"
    " WHERE board_id = :board_id AND frozen_at = :frozen_at ORDER BY number DESC LIMIT 1"
)
_NAMES = text(
    "SELECT id::text, username, display_name FROM users WHERE id = ANY (CAST(:user_ids AS uuid[]))"
)
_OF_STEP = "(s.board_id, s.frozen_at, s.number) = (:board_id, :frozen_at, :number)"
_BEFORE_STEP = (
    "(SELECT before.* FROM reveal_steps s,"
    "  jsonb_populate_recordset(CAST(NULL AS standings), s.standings) AS before"
    f"  WHERE {_OF_STEP})"
)
# A player whose last hidden acts were shown has no hidden standings: the shown ones are the real
# ones. The hidden ones ignore bans.
_HIDE_STANDINGS = text(
    "INSERT INTO hidden_standings"
    " SELECT s.board_id, s.period, s.starts_on, s.user_id, s.score, s.order_score,"
    "  is_listed(b, s.score) AND s.reached_action_id <> 0, s.revision, s.reached_at,"
    "  s.reached_action_id, s.changed_at"
    f" FROM {_BEFORE_STEP} AS before JOIN standings s"
    "  USING (board_id, period, starts_on, user_id) JOIN boards b ON b.id = s.board_id"
    " ON CONFLICT DO NOTHING"
)
_HIDE_ACTS = text(
    "INSERT INTO hidden_acts SELECT act.* FROM reveal_steps s,"
    f" jsonb_populate_recordset(CAST(NULL AS hidden_acts), s.acts) AS act WHERE {_OF_STEP}"
)
_HIDE_COMPENSATIONS = text(
    "UPDATE compensations c SET hidden = true FROM reveal_steps s"
    f" WHERE {_OF_STEP} AND c.id = ANY (s.compensations)"
)
# Rows stay, because a rank index forgets a player only by a change with a newer revision.
_RESTORE = text(
    "UPDATE standings s SET score = coalesce(before.score, 0),"
    "  order_score = coalesce(before.order_score, 0),"
    "  listed = coalesce(before.reached_action_id, 0) <> 0 AND is_listed(b, before.score)"
    "    AND u.status IN ('active', 'flagged'),"
    "  revision = s.revision + 1, reached_at = coalesce(before.reached_at, s.reached_at),"
    "  reached_action_id = coalesce(before.reached_action_id, 0), changed_at = clock_timestamp()"
    f" FROM {_BEFORE_STEP} AS before JOIN users u ON u.id = before.user_id"
    "  JOIN boards b ON b.id = before.board_id"
    " WHERE (s.board_id, s.period, s.starts_on, s.user_id)"
    "  = (before.board_id, before.period, before.starts_on, before.user_id)"
    " AND (s.score, s.reached_action_id)"
    "  IS DISTINCT FROM (before.score, before.reached_action_id)"
)
_FORGET_STEP = text(f"DELETE FROM reveal_steps s WHERE {_OF_STEP}")


class PlayerToReveal(NamedTuple):
    """A player who is not banned and has hidden acts, with the shown standing."""

    user_id: str
    username: str
    display_name: str
    rank: int | None
    """None, like the score, if the player has no shown standing."""
    score: int | None
    remaining: int
    """Hidden acts of the player; 1 if only points that were taken back are hidden."""
    remaining_of_all: int


class RevealStep(NamedTuple):
    """A step that showed hidden acts of these players."""

    number: int
    """From 1 in each freeze."""
    user_ids: list[str]


def players_to_reveal(connection: Connection, board_id: int, period: Period) -> list[str]:
    """The ids of the players in the order of the reveal, the lowest-ranked of the period first."""
    return [user_id for (user_id,) in connection.execute(_ALL, _values(board_id, period))]


def next_player(connection: Connection, board_id: int, period: Period) -> PlayerToReveal | None:
    """The first of them; None if nothing is to be revealed."""
    row = connection.execute(_NEXT, _values(board_id, period)).one_or_none()
    return PlayerToReveal(*row) if row else None


def last_step(connection: Connection, board_id: int, frozen_at: datetime) -> RevealStep:
    """The last step of the freeze that began then; number 0 if there is none."""
    values = {"board_id": board_id, "frozen_at": frozen_at}
    row = connection.execute(_LAST_STEP, values).one_or_none()
    return RevealStep(*row) if row else RevealStep(0, [])


def record_step(
    connection: Connection, board_id: int, frozen_at: datetime, kind: StepKind, step: RevealStep
) -> None:
    """Record what a step is going to show; the board's clock and its players must be locked."""
    values = {"board_id": board_id, "frozen_at": frozen_at, "kind": kind, **step._asdict()}
    connection.execute(_RECORD, values)


def announce_step(
    connection: Connection, board_id: int, frozen_at: datetime, number: int, step: RevealedStep
) -> None:
    """Store what a step, which this transaction has inserted, announces to viewers."""
    values = {"board_id": board_id, "frozen_at": frozen_at, "number": number}
    connection.execute(_ANNOUNCE, values | {"announced": stored_steps.dump(step)})


def announced_step(
    connection: Connection, board_id: int, frozen_at: datetime
) -> tuple[int, RevealedStep | None]:
    """The number of the last step of the freeze, 0 without one, and what it announced.

    The names of players are the present ones.
    """
    values = {"board_id": board_id, "frozen_at": frozen_at}
    row = connection.execute(_ANNOUNCED, values).one_or_none()
    if row is None:
        return 0, None
    if row.announced is None:
        return row.number, None
    user_ids = list(stored_steps.user_ids(row.announced))
    found = connection.execute(_NAMES, {"user_ids": user_ids})
    names = {user_id: (username, display_name) for user_id, username, display_name in found}
    return row.number, stored_steps.load(row.announced, names)


def show_oldest(connection: Connection, board_id: int, user_id: str) -> None:
    """Show which points of the player were taken back, and then the oldest hidden act."""
    values = {"board_id": board_id, "user_id": user_id}
    connection.execute(_SHOW_COMPENSATIONS, values)
    connection.execute(_SHOW_OLDEST, values)
    if not connection.execute(_HAS_HIDDEN, values).scalar_one():
        hidden_rows.show_all(connection, board_id, [user_id])


def undo_step(connection: Connection, board_id: int, frozen_at: datetime, number: int) -> None:
    """Hide again what the last step showed; the board's clock and its players must be locked."""
    values = {"board_id": board_id, "frozen_at": frozen_at, "number": number}
    for statement in (
        _HIDE_STANDINGS,
        _HIDE_ACTS,
        _HIDE_COMPENSATIONS,
        _RESTORE,
        _FORGET_STEP,
    ):
        connection.execute(statement, values)


def _values(board_id: int, period: Period) -> dict[str, Any]:
    return {"board_id": board_id, "period": period.kind, "starts_on": period.starts_on}
