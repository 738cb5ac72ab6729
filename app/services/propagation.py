"""What follows a committed change of a user's standing: caches, sessions, index, screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from app.contract.alerts import AlertKind
from app.contract.errors import RedisUnavailable
from app.contract.messages import EndReason
from app.metrics import AFTER_COMMIT_FAILURES
from app.services.alerts import Alerts
from app.stores import ledger, users
from app.stores.board_cache import LocalBoard
from app.stores.ledger import Change
from app.stores.rank_index import RankIndex
from app.stores.session_cache import SessionCache
from app.stores.users import Account

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class Aftermath:
    """What a transaction left for Redis to be told."""

    account: Account
    change: Change
    ended_sessions: tuple[str, ...] = ()
    reason: EndReason = "revoked"


def aftermath_of(
    connection: Connection,
    user_id: str,
    ended_sessions: Sequence[str] = (),
    reason: EndReason = "revoked",
) -> Aftermath:
    """The aftermath of what this transaction did to the user."""
    account = users.account_of(connection, user_id)
    change = ledger.change_of(connection, user_id)
    return Aftermath(account, change, tuple(ended_sessions), reason)


class Propagation:
    """Tells Redis, and by it every process and broadcaster; each step is safe to repeat."""

    def __init__(
        self, cache: SessionCache, index: RankIndex, local_board: LocalBoard, alerts: Alerts
    ) -> None:
        self._cache = cache
        self._index = index
        self._local_board = local_board
        self._alerts = alerts

    def tell(self, aftermath: Aftermath) -> bool:
        """Account first, so that nothing more is admitted; False where Redis can't be told.

        It is committed all the same: the repair pass tells it when Redis is back.
        """
        change = aftermath.change
        try:
            self._cache.remember_account(change.user_id, aftermath.account)
            self._cache.end(change.user_id, aftermath.ended_sessions, aftermath.reason)
            placed = self._index.place([change], self._local_board.highest_version)
        except RedisUnavailable as error:
            AFTER_COMMIT_FAILURES.inc()
            self._alerts.report(AlertKind.AFTER_COMMIT_FAILED, error)
            log.warning("standing_not_told", user=change.user_id, revision=change.revision)
            return False
        if placed.raised:
            self._local_board.clear(placed.version)
        return True
