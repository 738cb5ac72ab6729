"""Scores from a trusted server: each act is counted exactly once and answered on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.accounts import user_rows
from app.boards import board_rows
from app.boards.board import Board
from app.leaderboard.board_standings import BoardStandings
from app.ledger.score_ledger import ActResult, ScoreLedger, ServiceAct, Verdict
from app.metrics.counters import SERVICE_ACTS
from app.scoring.reported_acts import Problems, ReportedAct, read_act
from app.storage.database import Database

MAX_ACTS = 500
"""Acts in one call."""

Status = Verdict | Literal["unknown_board", "invalid"]


@dataclass(frozen=True)
class ActAnswer:
    """What became of one act."""

    id: str | None
    """As the caller sent it; None if it was no text."""
    status: Status
    score: int | None = None
    """In the board's first period; None unless the act was counted, now or before."""
    rank: int | None = None
    """The present rank of that score; None if no player has it now."""
    problems: Problems | None = None

    def as_json(self) -> dict[str, Any]:
        """The answer without fields that it lacks."""
        answer = {
            "id": self.id,
            "status": self.status,
            "score": self.score,
            "rank": self.rank,
            "details": self.problems,
        }
        return {name: value for name, value in answer.items() if value is not None or name == "id"}


class ServiceScores:
    """Counts what a trusted server reports, for the boards that its key is bound to.

    Guarantees: the acts of one call are counted in one transaction. A caller that gets no answer,
    or DatabaseUnavailable, repeats the call with the same ids within a day; acts that were counted
    are answered with `repeated` and their first score.
    """

    def __init__(self, database: Database, ledger: ScoreLedger, standings: BoardStandings) -> None:
        self._database = database
        self._ledger = ledger
        self._standings = standings

    def count(self, allowed_boards: Collection[str], reported: Sequence[Any]) -> list[ActAnswer]:
        """Count each act at most once; the answers in the order of the acts.

        A malformed act is answered with `invalid` and does not affect the others. Raises
        DatabaseUnavailable.
        """
        acts = [read_act(each) for each in reported]
        well_formed = [act for act in acts if isinstance(act, ReportedAct)]
        boards, user_ids = self._look_up(well_formed, allowed_boards)
        countable: list[ServiceAct] = []
        for act in well_formed:
            user_id = act.user_id or user_ids.get(act.username_key or "")
            if act.board in boards and user_id:
                board_id = boards[act.board].id
                countable.append(
                    ServiceAct(user_id, board_id, act.issued_at, act.id, act.points, act.label)
                )
        results = iter(self._ledger.record(countable))
        answers: list[ActAnswer] = []
        for fields, each in zip(reported, acts, strict=True):
            if not isinstance(each, ReportedAct):
                answers.append(ActAnswer(_sent_id(fields), "invalid", problems=each))
            elif each.board not in boards:
                answers.append(ActAnswer(each.id, "unknown_board"))
            elif not (each.user_id or each.username_key in user_ids):
                answers.append(ActAnswer(each.id, "unknown_user"))
            else:
                answers.append(_answer(each, next(results)))
        for answer in answers:
            SERVICE_ACTS.labels(answer.status).inc()
        return self._with_ranks(answers, acts, boards)

    def _look_up(
        self, acts: Sequence[ReportedAct], allowed_boards: Collection[str]
    ) -> tuple[Mapping[str, Board], Mapping[str, str]]:
        """The boards by key, and the ids of users by the key of their names."""
        keys = {act.board for act in acts if act.board in allowed_boards}
        names = {act.username_key for act in acts if act.username_key}
        with self._database.reading() as connection:
            boards = board_rows.find_all(connection, sorted(keys))
            user_ids = user_rows.ids_by_username(connection, sorted(names)) if names else {}
        # Points of players come from action tokens only.
        by_service = {key: b for key, b in boards.items() if b.settings.scored_by == "service"}
        return by_service, user_ids

    def _with_ranks(
        self,
        answers: Sequence[ActAnswer],
        acts: Sequence[ReportedAct | Problems],
        boards: Mapping[str, Board],
    ) -> list[ActAnswer]:
        shown = {
            act.board
            for act, answer in zip(acts, answers, strict=True)
            if isinstance(act, ReportedAct) and answer.score is not None
        }
        ranks = {key: self._ranks(boards[key]) for key in shown}
        return [
            ActAnswer(answer.id, answer.status, answer.score, ranks[act.board].get(answer.score))
            if isinstance(act, ReportedAct) and answer.score is not None
            else answer
            for act, answer in zip(acts, answers, strict=True)
        ]

    def _ranks(self, board: Board) -> Mapping[int, int]:
        """The rank of each score in the board's first period, at present."""
        return self._standings.ranks(board, self._standings.period(board, None, None))


def _answer(act: ReportedAct, result: ActResult) -> ActAnswer:
    return ActAnswer(act.id, result.verdict, result.score)


def _sent_id(fields: Any) -> str | None:
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None
