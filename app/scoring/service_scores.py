"""Scores from a trusted server: each act is counted exactly once and answered on its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from app.accounts import user_rows
from app.boards import board_rows
from app.boards.board import Board
from app.leaderboard.board_standings import BoardStandings
from app.leaderboard.index.used_rankings import UsedRankings
from app.leaderboard.publication import BoardPublisher
from app.leaderboard.rank_index import ScorePlace
from app.leaderboard.rankings import ranking_of
from app.ledger import standing_rows
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
    """In the board's first period; None if the act was not counted or a freeze hides it."""
    rank: int | None = None
    """The present rank of that score; None if no player has it now."""
    details: Problems | Mapping[str, str | None] | None = None
    """With `invalid`: messages by field; with `not_open`: the times of the board."""

    def as_json(self) -> dict[str, Any]:
        """The answer without fields that it lacks."""
        answer = {
            "id": self.id,
            "status": self.status,
            "score": self.score,
            "rank": self.rank,
            "details": self.details,
        }
        return {name: value for name, value in answer.items() if value is not None or name == "id"}


class ServiceScores:
    """Counts what a trusted server reports, for the boards that its key is bound to.

    Guarantees: the acts of one call are counted in one transaction. A caller that gets no answer,
    or DatabaseUnavailable, repeats the call with the same ids within a day; acts that were counted
    are answered with `repeated` and their first score.
    """

    def __init__(
        self,
        database: Database,
        ledger: ScoreLedger,
        standings: BoardStandings,
        publisher: BoardPublisher,
        used: UsedRankings,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._standings = standings
        self._publisher = publisher
        self._used = used

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
        recorded = self._ledger.record(countable)
        results = iter(recorded)
        answers: list[ActAnswer] = []
        for fields, each in zip(reported, acts, strict=True):
            if not isinstance(each, ReportedAct):
                answers.append(ActAnswer(_sent_id(fields), "invalid", details=each))
            elif each.board not in boards:
                answers.append(ActAnswer(each.id, "unknown_board"))
            elif not (each.user_id or each.username_key in user_ids):
                answers.append(ActAnswer(each.id, "unknown_user"))
            else:
                answers.append(_answer(each, next(results), boards[each.board]))
        for answer in answers:
            SERVICE_ACTS.labels(answer.status).inc()
        ranks = self._publish(countable, recorded, boards)
        return [
            replace(answer, rank=ranks[act.board].get(answer.score))
            if isinstance(act, ReportedAct) and answer.score is not None
            else answer
            for act, answer in zip(acts, answers, strict=True)
        ]

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

    def _publish(
        self,
        acts: Sequence[ServiceAct],
        results: Sequence[ActResult],
        boards: Mapping[str, Board],
    ) -> dict[str, dict[int, int]]:
        """Publish the standings that acts changed; the ranks of their scores on each board.

        A repeated act is published too: the process that counted it may have died before it
        published the standing.
        """
        players: dict[int, set[str]] = {}
        scores: dict[int, set[int]] = {}
        for act, result in zip(acts, results, strict=True):
            if result.score is not None:
                players.setdefault(act.board_id, set()).add(act.user_id)
                scores.setdefault(act.board_id, set()).add(result.score)
        shown = [board for board in boards.values() if board.id in players]
        if not shown:
            return {}
        changes = standing_rows.changes_of(
            self._database, [(board, user) for board, users in players.items() for user in users]
        )
        wanted = {}
        for board in shown:
            ranking = ranking_of(board, self._standings.period(board, None, None))
            self._used.note(ranking)
            wanted[ranking] = [board.settings.index_score(score) for score in scores[board.id]]
        places = self._publisher.publish_changes(changes, wanted)
        return {
            board.settings.key: self._ranks(board, places.get(ranking))
            for board, ranking in zip(shown, wanted, strict=True)
        }

    def _ranks(self, board: Board, places: Mapping[int, ScorePlace] | None) -> dict[int, int]:
        """The rank of each score that a player has in the board's first period, at present."""
        if places is None:
            return self._standings.ranks(board, self._standings.period(board, None, None))
        shown = board.settings.index_score
        return {shown(score): place.rank for score, place in places.items() if place.players}


def _answer(act: ReportedAct, result: ActResult, board: Board) -> ActAnswer:
    times = board.clock.as_json() if result.verdict == "not_open" else None
    return ActAnswer(act.id, result.verdict, result.score, details=times)


def _sent_id(fields: Any) -> str | None:
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) else None
