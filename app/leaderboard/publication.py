"""Publication: every committed change of a standing reaches caches and screens through here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app.accounts import user_rows
from app.accounts.session_cache import SessionCache
from app.accounts.user_rows import Account
from app.alerting.alerts import Alerts
from app.contract.alerts import AlertKind
from app.contract.channels import EndReason, ScoreUpdate
from app.contract.errors import RedisUnavailable
from app.contract.standings import MAIN_RANKING, Ranking
from app.contract.viewers.reveals import Move
from app.leaderboard.board_cache import LocalBoard
from app.leaderboard.index.index_changes import (
    AppliedPoint,
    ApplyResult,
    IndexChanges,
    RankingChanges,
)
from app.leaderboard.index.seen_versions import SeenVersions
from app.leaderboard.rank_index import ScorePlace
from app.ledger import action_rows, standing_rows
from app.ledger.action_rows import StandingChange
from app.ledger.standing_rows import RankingChange
from app.metrics.counters import AFTER_COMMIT_FAILURES

Places = Mapping[Ranking, Mapping[int, ScorePlace]]
"""Where scores stand, without the rankings whose index is incomplete."""

MAX_FAILED = 10_000
"""Failed publications that a process remembers, the latest ones."""
LOGGED_USERS = 10
"""Named in the log if changes could not be published."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class StandingEffects:
    """The changes of one transaction to one user, which have to be applied in Redis after it."""

    account: Account
    changes: tuple[RankingChange, ...]
    """The user's standings in `main` of all time and in the present periods of all boards."""
    ended_sessions: tuple[str, ...] = ()
    end_reason: EndReason = "revoked"


def effects_of(
    connection: Connection,
    user_id: str,
    ended_sessions: Sequence[str] = (),
    end_reason: EndReason = "revoked",
) -> StandingEffects:
    """The effects of this transaction on the user; call it after the last write."""
    account = user_rows.account_of(connection, user_id)
    main = RankingChange(MAIN_RANKING, action_rows.change_of(connection, user_id))
    others = standing_rows.changes_of_user(connection, user_id)
    return StandingEffects(account, (main, *others), tuple(ended_sessions), end_reason)


class BoardPublisher:
    """Applies committed changes in Redis, which announces them to every process and broadcaster.

    Guarantees:
      * Publishing is safe to repeat and safe in any order, because accounts and index rows carry
        revisions and only a newer one is applied.
      * If publishing fails, the change stays committed. The failure is counted and alerted, and the
        change is published when Redis is back: by retry_failed of this process, and by the
        reconciler if this process has ended.
      * If the version of `main` was raised, this process no longer serves its cached board.
      * Each method makes one round trip to the rank indexes, for all rankings.
    """

    def __init__(
        self,
        cache: SessionCache,
        index: IndexChanges,
        local_board: LocalBoard,
        versions: SeenVersions,
        alerts: Alerts,
    ) -> None:
        self._cache = cache
        self._index = index
        self._local_board = local_board
        self._versions = versions
        self._alerts = alerts
        self._failed: deque[StandingEffects | Sequence[RankingChange]] = deque(maxlen=MAX_FAILED)

    def publish(self, effects: StandingEffects) -> bool:
        """Publish a change of account and standings; False if Redis is unreachable."""
        try:
            self._publish(effects)
        except RedisUnavailable as error:
            self._failed.append(effects)
            self._report_failure(effects.changes, error)
            return False
        return True

    def publish_point(self, changes: Sequence[RankingChange]) -> AppliedPoint | None:
        """Publish what one act changed, in one call with the other requests of the batch.

        The first change is that of the ranking whose rank and version the caller needs. None if
        Redis is unreachable.
        """
        seen = [
            RankingChanges(each.ranking, (each.change,), self._seen_version(each.ranking))
            for each in changes
        ]
        try:
            point = self._index.apply_point(seen)
        except RedisUnavailable as error:
            self._failed.append(changes)
            self._report_failure(changes, error)
            return None
        self._note(point.results)
        return point

    def publish_changes(
        self, changes: Sequence[RankingChange], scores: Mapping[Ranking, Sequence[int]]
    ) -> Places:
        """Publish what a call of many acts changed; returns where these scores stand after it.

        Without places if Redis is unreachable.
        """
        try:
            applied = self._index.apply(self._by_ranking(changes), scores=scores)
        except RedisUnavailable as error:
            self._failed.append(changes)
            self._report_failure(changes, error)
            return {}
        self._note(applied.results)
        return applied.places

    def republish(self, changes: Sequence[RankingChange]) -> int:
        """Publish changes that Redis may lack; returns the number that it lacked.

        Raises RedisUnavailable. That is not counted as a failure: it was counted when the change
        was published the first time, and the caller tries again.
        """
        applied = self._index.apply(self._by_ranking(changes))
        self._note(applied.results)
        return sum(result.applied_changes for result in applied.results)

    def retry_failed(self) -> int:
        """Publish what this process could not publish; returns the changes that Redis lacked.

        Raises RedisUnavailable; the next call publishes the rest.
        """
        applied = 0
        while self._failed:
            failed = self._failed.popleft()
            try:
                if isinstance(failed, StandingEffects):
                    applied += self._publish(failed)
                else:
                    applied += self.republish(failed)
            except RedisUnavailable:
                self._failed.appendleft(failed)
                raise
        return applied

    def announce_rebuild(self, ranking: Ranking) -> None:
        """Raise the ranking's version after a rebuild of its index; raises RedisUnavailable.

        The rebuild may have read a change before its own process applied it. That process then
        found nothing to apply and announced nothing.
        """
        nothing = RankingChanges(ranking, (), self._seen_version(ranking))
        self._note(self._index.apply([nothing], raise_version=True).results)

    def announce_moves(self, ranking: Ranking, moves: Sequence[Move]) -> None:
        """Announce what a step of a reveal has shown, after its changes were published.

        Without Redis nothing is announced; viewers get the board when Redis is back.
        """
        nothing = RankingChanges(ranking, (), self._seen_version(ranking))
        try:
            (result,) = self._index.apply([nothing]).results
            self._note([result])
            self._index.announce(ranking, ScoreUpdate(result.version, tuple(moves)))
        except RedisUnavailable:
            log.warning("moves_not_announced", board=ranking.board)

    def _publish(self, effects: StandingEffects) -> int:
        user_id = effects.changes[0].change.user_id
        # The account comes first, so that no further attempt of a banned user is admitted.
        self._cache.store_account(user_id, effects.account)
        self._cache.end(user_id, effects.ended_sessions, effects.end_reason, effects.account.ban)
        return self.republish(effects.changes)

    def _by_ranking(self, changes: Iterable[RankingChange]) -> list[RankingChanges]:
        grouped: dict[Ranking, list[StandingChange]] = {}
        for ranking, change in changes:
            grouped.setdefault(ranking, []).append(change)
        return [
            RankingChanges(ranking, found, self._seen_version(ranking))
            for ranking, found in grouped.items()
        ]

    def _seen_version(self, ranking: Ranking) -> int:
        if ranking == MAIN_RANKING:
            return self._local_board.highest_version
        return self._versions.highest(ranking.watched)

    def _note(self, results: Iterable[ApplyResult]) -> None:
        for result in results:
            if result.ranking != MAIN_RANKING:
                self._versions.note(result.ranking.watched, result.version)
            elif result.version_raised:
                self._local_board.clear(result.version)

    def _report_failure(self, changes: Sequence[RankingChange], error: RedisUnavailable) -> None:
        AFTER_COMMIT_FAILURES.inc()
        self._alerts.report(AlertKind.AFTER_COMMIT_FAILED, error)
        users = sorted({each.change.user_id for each in changes})
        log.warning("changes_not_published", users=users[:LOGGED_USERS], changes=len(changes))
