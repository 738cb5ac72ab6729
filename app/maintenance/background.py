"""The threads of an API process that run beside the requests."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import redis
import structlog

from app.alerting.alerts import Alerts
from app.alerting.background_parts import BackgroundParts
from app.contract import keys
from app.contract.alerts import AlertKind
from app.contract.channels import CacheInvalidate
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.leaderboard.board_cache import LocalBoard
from app.maintenance.reconciler import Reconciler
from app.storage.redis import channel
from app.storage.subscription import Subscription

PASS_INTERVAL_SECONDS = 2.0
STOP_SECONDS = 1.5
"""Longest wait for the threads to end; a rebuild of the index that takes longer is abandoned."""
MAX_PASS_SECONDS = 60.0
"""The longest time without progress: a pass that rebuilds the index of millions of players."""
CHECK_INTERVAL_SECONDS = 0.5
"""How soon a lost index, or a reconciler that died, is noticed; a check costs one GET."""
ALERT_AFTER_SECONDS = 30.0
"""An alert is sent if no pass or check has succeeded for this time."""

log = structlog.stdlib.get_logger(__name__)


class Background:
    """Two daemon threads, started in each worker after the fork.

    One listens for invalidations of the cached board. The other reconciles the rank index with
    PostgreSQL. After each of its passes it calls `scheduled`: short work that is due now and then,
    in one process at a time.
    """

    def __init__(
        self,
        pubsub_client: redis.Redis,
        local_board: LocalBoard,
        reconciler: Reconciler,
        scheduled: Sequence[Callable[[], None]],
        alerts: Alerts,
        parts: BackgroundParts,
    ) -> None:
        self._local_board = local_board
        self._reconciler = reconciler
        self._scheduled = scheduled
        self._alerts = alerts
        self._stopped = threading.Event()
        self._subscription = Subscription(
            pubsub_client,
            {channel(pubsub_client, keys.CACHE_INVALIDATE): self._invalidate},
            # Messages sent during the interruption may have been about the cached board.
            on_renewed=local_board.clear,
        )
        report = partial(alerts.report, AlertKind.PART_FAILED)
        loops = {
            parts.add("invalidation", report): self._subscription.run,
            parts.add("reconciler", report, MAX_PASS_SECONDS): self._reconcile,
        }
        self._parts = tuple(loops)
        self._threads = [
            threading.Thread(target=part.run, args=(loop,), name=part.name, daemon=True)
            for part, loop in loops.items()
        ]

    def start(self) -> None:
        """Start alerting and both threads."""
        self._alerts.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads; waits at most STOP_SECONDS for what they are doing."""
        for part in self._parts:
            part.stop()
        self._stopped.set()
        self._subscription.stop()
        limit = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))
        log.info("background_stopped", left=[t.name for t in self._threads if t.is_alive()])

    def _invalidate(self, payload: str) -> None:
        self._local_board.clear(CacheInvalidate.parse(payload).version)

    def _reconcile(self, progress: Callable[[], None]) -> None:
        succeeded_at = time.monotonic()
        while not self._stopped.is_set():
            try:
                due = self._reconciler.is_due()
                if due:
                    self._reconciler.run_pass()
                    for run_if_due in self._scheduled:
                        run_if_due()
                # Last, so that a change that Redis can't store prevents no pass.
                self._reconciler.retry_failed()
                succeeded_at = time.monotonic()
                if due:
                    self._await_next_pass()
                else:
                    self._stopped.wait(CHECK_INTERVAL_SECONDS)
            except (DatabaseUnavailable, RedisUnavailable) as error:
                if isinstance(error, RedisUnavailable):
                    self._reconciler.note_redis_failure()
                log.warning("index_not_reconciled", cause=str(error.__cause__ or error))
                if time.monotonic() - succeeded_at >= ALERT_AFTER_SECONDS:
                    self._alerts.report(AlertKind.INDEX_NOT_KEPT, error)
                self._stopped.wait(CHECK_INTERVAL_SECONDS)
            # Also after a store failed, which INDEX_NOT_KEPT reports.
            progress()

    def _await_next_pass(self) -> None:
        """Wait for PASS_INTERVAL_SECONDS, or until Redis has lost the index."""
        # Jittered, so that processes started together do not make their passes together.
        jitter = random.uniform(0.8, 1.0)  # noqa: S311 - no secret
        until = time.monotonic() + PASS_INTERVAL_SECONDS * jitter
        while time.monotonic() < until and not self._stopped.wait(CHECK_INTERVAL_SECONDS):
            if self._reconciler.index_lost():
                return
