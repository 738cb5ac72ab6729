"""Counts the acts that a service reports, each exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from app.storage.database import Database

Verdict = Literal[
    "counted",
    "repeated",
    "conflict",
    "banned",
    "unknown_user",
    "not_open",
    "out_of_range",
    "expired",
]

LIFETIME_MS = 86_400_000
"""An act is counted at most this long after the time in its id."""
MAX_LEAD_MS = 10_000
"""How far the service's clock may be ahead."""
_COUNT = (
    "SELECT place, verdict, score_now FROM count_scores("
    "%(user_ids)s::uuid[], %(board_ids)s::integer[], %(issued_at)s::bigint[], %(nonces)s::uuid[],"
    " %(points)s::integer[], %(labels)s::text[], %(lifetime)s, %(max_lead)s) ORDER BY place"
)


class ServiceAct(NamedTuple):
    """Points for one player on one board."""

    user_id: str
    board_id: int
    issued_at: int
    """ms since 1970, from the id."""
    nonce: str
    """The id itself, a UUIDv7. With `issued_at` it is the primary key of the ledger."""
    points: int
    label: str | None


class ActResult(NamedTuple):
    """What became of an act."""

    verdict: Verdict
    score: int | None
    """In the board's first period after the act; None if it was not counted, or is hidden."""


class ScoreLedger:
    """Records acts in one transaction per call; raises DatabaseUnavailable.

    After DatabaseUnavailable the caller repeats the same acts: those that were counted are
    answered with `repeated` and their first score.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, acts: Sequence[ServiceAct]) -> list[ActResult]:
        """Count each act at most once; the results in the order of the acts."""
        if not acts:
            return []
        values = {
            "user_ids": [act.user_id for act in acts],
            "board_ids": [act.board_id for act in acts],
            "issued_at": [act.issued_at for act in acts],
            "nonces": [act.nonce for act in acts],
            "points": [act.points for act in acts],
            "labels": [act.label for act in acts],
            "lifetime": LIFETIME_MS,
            "max_lead": MAX_LEAD_MS,
        }
        rows = self._database.call(_COUNT, values)
        return [ActResult(verdict, score) for _, verdict, score in rows]
