"""gunicorn's threaded worker with lanes of their own for health checks and for what scores.

When PostgreSQL is dead every thread may be waiting for it, just when a load balancer has to hear:
docs/decisions/0009-alerts-and-health.md. Action tokens and increments that came meanwhile are
answered side by side by one thread: docs/decisions/0022-requests-side-by-side.md.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn

from config.balance import BalancedWorker

HEALTH_THREADS = 2
"""Checks are shared by who asks at once, so few threads serve many."""
HELD_UP_SECONDS = 0.05
"""How long what queues waits for the lane that is at work, before another one begins."""
_HEALTH = re.compile(rb"(GET|HEAD) (/api)?/health(/live)?[ ?]")
_SCORING = re.compile(rb"POST (/api)?/(scores/increment|actions/token)[ ?]")


class LanedWorker(BalancedWorker):
    """Looks at a request's first bytes before it queues for a thread."""

    def init_process(self) -> None:
        # Imported here, since what the arbiter has imported stays old when it reloads its workers.
        from app import gathering

        self._gathering = gathering
        self._health_lane = ThreadPoolExecutor(HEALTH_THREADS, thread_name_prefix="health-lane")
        self._scoring_lanes = ThreadPoolExecutor(gathering.LANES, thread_name_prefix="scoring-lane")
        self._queue: deque[TConn] = deque()
        self._in_turn = False
        self._lock = threading.Lock()  # of the two below
        self._lanes_at_work = 0
        self._taken_at = 0.0
        super().init_process()

    def dispatch(self, conn: TConn, request: bytes) -> None:
        if _SCORING.match(request):
            self._queue.append(conn)
            if not self._in_turn:
                self._fill_lane()
        elif _HEALTH.match(request):
            self.submit(self._health_lane, conn)
        else:
            super().dispatch(conn, request)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        self._in_turn = True
        try:
            super().wait_for_and_dispatch_events(
                min(timeout, HELD_UP_SECONDS) if self._queue else timeout
            )
        finally:
            self._in_turn = False
        # Only now, so that what came at the same time goes into the same lane.
        self._fill_lane()

    def _fill_lane(self) -> None:
        if not self._queue:
            return
        with self._lock:
            if self._lanes_at_work:
                held_up = time.monotonic() - self._taken_at > HELD_UP_SECONDS
                if not held_up or self._lanes_at_work == self._gathering.LANES:
                    return
            self._lanes_at_work += 1
        self._scoring_lanes.submit(self._work_lane).add_done_callback(self._lane_ended)

    def _lane_ended(self, lane: Future[None]) -> None:
        fault = lane.exception()
        if fault is not None:
            # Whom it had taken nobody would answer, and after LANES of these nobody who scores. The
            # arbiter starts another worker at once; clients repeat, as after any worker's death.
            self.log.critical("A lane broke, and its worker ends", exc_info=fault)
            os._exit(1)

    def _work_lane(self) -> None:
        """Answer what has queued, and what queues meanwhile."""
        while conns := self._take():
            self._answer_together(conns)

    def _take(self) -> list[TConn]:
        """What has queued; nothing ends the lane, and who queues later begins one."""
        with self._lock:
            number = min(self._gathering.MOST_TOGETHER, len(self._queue))
            self._taken_at = time.monotonic()
            if number == 0:
                self._lanes_at_work -= 1
            return [self._queue.popleft() for _ in range(number)]

    def _answer_together(self, conns: Sequence[TConn]) -> None:
        answered: list[tuple[TConn, Future[Any]]] = [(conn, Future()) for conn in conns]
        self._gathering.run_together([partial(self._answer, *each) for each in answered])
        ended = [each for each in answered if not self._goes_on(*each)]
        # One word to the poller for all of them.
        self.method_queue.defer(self._leave_lane, ended)

    def _answer(self, conn: TConn, future: Future[Any]) -> None:
        try:
            future.set_result(self.handle(conn))
        except BaseException as error:  # noqa: BLE001 - finish_request looks at it, as at a thread's
            future.set_exception(error)

    def _goes_on(self, conn: TConn, future: Future[Any]) -> bool:
        """Whether its client has asked for more of the same by now, which then queues again."""
        if not self.alive or future.exception() or not future.result():
            return False
        if not self.has_whole_request(conn):
            return False
        if not _SCORING.match(conn.parser.unreader.buf.getvalue()):
            return False
        self._queue.append(conn)
        return True

    def _leave_lane(self, ended: Sequence[tuple[TConn, Future[Any]]]) -> None:
        for conn, future in ended:
            self.finish_request(conn, future)
