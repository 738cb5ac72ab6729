"""Publication: every committed change of a standing reaches caches and screens through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app.accounts import user_rows
from app.accounts.session_cache import SessionCache
from app.accounts.user_rows import Account
from app.alerting.alerts import Alerts
from app.contract.alerts import AlertKind
from app.contract.channels import EndReason
from app.contract.errors import RedisUnavailable
from app.leaderboard.board_cache import LocalBoard
from app.leaderboard.rank_index import AppliedPoint, ApplyResult, RankIndex
from app.ledger import action_rows
from app.ledger.action_rows import StandingChange
from app.metrics.counters import AFTER_COMMIT_FAILURES

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class StandingEffects:
    """The changes of one transaction to one user, which have to be applied in Redis after it."""

    account: Account
    change: StandingChange
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
    change = action_rows.change_of(connection, user_id)
    return StandingEffects(account, change, tuple(ended_sessions), end_reason)


class BoardPublisher:
    """Applies committed changes in Redis, which announces them to every process and broadcaster.

    Guarantees:
      * Publishing is safe to repeat and safe in any order, because accounts and index rows carry
        the user's revision and only a newer one is applied.
      * If publishing fails, the change stays committed. The failure is counted and alerted, and the
        reconciler publishes the change when Redis is back.
      * If the board's version was raised, this process no longer serves its cached board.
    """

    def __init__(
        self, cache: SessionCache, index: RankIndex, local_board: LocalBoard, alerts: Alerts
    ) -> None:
        self._cache = cache
        self._index = index
        self._local_board = local_board
        self._alerts = alerts

    def publish(self, effects: StandingEffects) -> bool:
        """Publish a change of account and standing; False if Redis is unreachable."""
        change = effects.change
        try:
            # The account comes first, so that no further attempt of a banned user is admitted.
            self._cache.store_account(change.user_id, effects.account)
            self._cache.end(
                change.user_id, effects.ended_sessions, effects.end_reason, effects.account.ban
            )
            result = self._index.apply([change], self._local_board.highest_version)
        except RedisUnavailable as error:
            self._report_failure(change, error)
            return False
        self._clear_local_board(result)
        return True

    def publish_point(self, change: StandingChange) -> AppliedPoint | None:
        """Publish a counted point, in one call with the other requests of the batch.

        None if Redis is unreachable.
        """
        try:
            point = self._index.apply_point(change, self._local_board.highest_version)
        except RedisUnavailable as error:
            self._report_failure(change, error)
            return None
        self._clear_local_board(point.batch)
        return point

    def republish(self, changes: Sequence[StandingChange]) -> int:
        """Publish changes that Redis may lack; returns the number that it lacked.

        Raises RedisUnavailable. That is not counted as a failure: it was counted when the change
        was published the first time, and the caller tries again.
        """
        result = self._index.apply(changes, self._local_board.highest_version)
        self._clear_local_board(result)
        return result.applied_changes

    def announce_rebuild(self) -> None:
        """Raise the board's version after a rebuild of the index; raises RedisUnavailable.

        The rebuild may have read a change before its own process applied it. That process then
        found nothing to apply and announced nothing.
        """
        result = self._index.apply([], self._local_board.highest_version, raise_version=True)
        self._clear_local_board(result)

    def _clear_local_board(self, result: ApplyResult) -> None:
        if result.version_raised:
            self._local_board.clear(result.version)

    def _report_failure(self, change: StandingChange, error: RedisUnavailable) -> None:
        AFTER_COMMIT_FAILURES.inc()
        self._alerts.report(AlertKind.AFTER_COMMIT_FAILED, error)
        log.warning("change_not_published", user=change.user_id, revision=change.revision)
