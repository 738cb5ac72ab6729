"""What runs beside the requests of a web process: cache invalidation, index, coming months."""

from __future__ import annotations

import random
import threading
import time

import structlog

from app.composition import Services
from app.contract import keys
from app.contract.alerts import AlertKind
from app.contract.errors import DatabaseUnavailable, RedisUnavailable
from app.contract.messages import CacheInvalidate
from app.stores.subscription import Subscription

KEEP_SECONDS = 2.0
STOP_SECONDS = 1.5
"""Longest wait for the threads' end; a rebuild of the index may take longer and is given up."""
LOOK_SECONDS = 0.5
"""How soon a lost index is noticed; looking costs one GET."""
KEPT_WITHIN_SECONDS = 30.0
"""Without a look at the index for so long somebody is alerted."""

log = structlog.stdlib.get_logger(__name__)


class Background:
    """Two daemon threads, started in each worker after the fork."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._stopped = threading.Event()
        self._subscription = Subscription(
            services.pubsub_client,
            {keys.CACHE_INVALIDATE: self._invalidate},
            # What was said while nobody listened may have been about the cached board.
            on_renewed=services.local_board.clear,
        )

        self._threads = [
            threading.Thread(target=self._subscription.run, name="invalidation", daemon=True),
            threading.Thread(target=self._keep, name="index-keeper", daemon=True),
        ]

    def start(self) -> None:
        """Start both threads."""
        self._services.alerts.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads, as soon as what they wait for answers, within STOP_SECONDS."""
        self._stopped.set()
        self._subscription.stop()
        limit = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))
        log.info("background_stopped", left=[t.name for t in self._threads if t.is_alive()])

    def _invalidate(self, payload: str) -> None:
        self._services.local_board.clear(CacheInvalidate.parse(payload).version)

    def _keep(self) -> None:
        kept_at = time.monotonic()
        while not self._stopped.is_set():
            try:
                if self._services.index_keeper.due():
                    self._services.index_keeper.keep()
                    self._services.partition_keeper.keep()
                    kept_at = time.monotonic()
                    self._rest()
                else:
                    kept_at = time.monotonic()
                    self._stopped.wait(LOOK_SECONDS)
            except (DatabaseUnavailable, RedisUnavailable) as error:
                log.warning("index_not_kept", cause=str(error.__cause__ or error))
                if time.monotonic() - kept_at >= KEPT_WITHIN_SECONDS:
                    self._services.alerts.report(AlertKind.INDEX_NOT_KEPT, error)
                self._stopped.wait(LOOK_SECONDS)

    def _rest(self) -> None:
        """Wait for the next pass, unless the index is lost meanwhile."""
        # Jittered, so that processes started together don't come all at once.
        until = time.monotonic() + KEEP_SECONDS * random.uniform(0.8, 1.0)  # noqa: S311 - no secret
        while time.monotonic() < until and not self._stopped.wait(LOOK_SECONDS):
            if self._services.index_keeper.index_lost():
                return
