"""gunicorn's threaded worker with a lane of its own for health checks.

When PostgreSQL is dead every thread may be waiting for it, just when a load balancer has to hear.
docs/decisions/0009-alerts-and-health.md says what else was thought of.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

from config.whole_requests import WholeRequestsWorker

LANE_THREADS = 2
"""Checks are shared by who asks at once, so few threads serve many."""
_HEALTH = re.compile(rb"(GET|HEAD) (/api)?/health(/live)?[ ?]")


class LanedWorker(WholeRequestsWorker):
    """Looks at a request's first bytes before it queues for a thread."""

    def init_process(self) -> None:
        self._lane = ThreadPoolExecutor(LANE_THREADS, thread_name_prefix="health-lane")
        super().init_process()

    def pool_for(self, request: bytes) -> ThreadPoolExecutor:
        return self._lane if _HEALTH.match(request) else super().pool_for(request)
