"""Background parts: loops beside the requests, restarted if they fail and watched for progress."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial

import structlog
from prometheus_client import Gauge

from app.metrics.counters import BACKGROUND_FAILURES, BACKGROUND_PROGRESS

MAX_SILENCE_SECONDS = 10.0
"""A part that makes no progress for this time is reported as dead."""
FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.1, 5.0
STEADY_SECONDS = 60.0
"""After a run of this length the pauses before restarts are short again."""

Loop = Callable[[Callable[[], None]], None]
"""Runs until it is stopped, and calls its argument after each turn that succeeded."""

log = structlog.stdlib.get_logger(__name__)


class PartDead(Exception):
    """A background part has ended, hangs, or fails again and again."""


class BackgroundPart:
    """One loop, in a thread or greenlet of its own, that no unforeseen error ends.

    The loop itself handles the errors that it expects. Any other error is logged, counted and
    reported, and the loop is started again after a pause.
    """

    def __init__(
        self, name: str, report: Callable[[BaseException], None], max_silence_seconds: float
    ) -> None:
        self.name = name
        self._report = report
        self._max_silence_seconds = max_silence_seconds
        self._stopped = threading.Event()
        self._progress_at: float | None = None

    @property
    def dead(self) -> bool:
        """Whether the part was started and has made no progress for too long."""
        if self._progress_at is None or self._stopped.is_set():
            return False
        return time.monotonic() - self._progress_at > self._max_silence_seconds

    def run(self, loop: Loop) -> None:
        """Run the loop until it returns, or until stop(); start it again if it fails."""
        # The count starts at 0: Prometheus sees no increase in a series that begins with 1.
        BACKGROUND_FAILURES.labels(self.name)
        progress = partial(self._note_progress, BACKGROUND_PROGRESS.labels(self.name))
        progress()
        pause_seconds = FIRST_PAUSE_SECONDS
        while not self._stopped.is_set():
            started_at = time.monotonic()
            try:
                loop(progress)
            except Exception as error:  # noqa: BLE001 - counted, logged and reported
                self._note_failure(error)
            else:
                self.stop()
                return
            if time.monotonic() - started_at >= STEADY_SECONDS:
                pause_seconds = FIRST_PAUSE_SECONDS
            self._stopped.wait(pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            pause_seconds = min(pause_seconds * 2, MAX_PAUSE_SECONDS)

    def stop(self) -> None:
        """Do not start the loop again; the owner of the loop ends it."""
        self._stopped.set()

    def _note_progress(self, metric: Gauge) -> None:
        self._progress_at = time.monotonic()
        metric.set_to_current_time()

    def _note_failure(self, error: Exception) -> None:
        BACKGROUND_FAILURES.labels(self.name).inc()
        self._report(error)
        log.error("part_failed", part=self.name, exc_info=error)


class BackgroundParts:
    """All background parts of one process, for its health check and its alerts."""

    def __init__(self) -> None:
        self._parts: list[BackgroundPart] = []

    def add(
        self,
        name: str,
        report: Callable[[BaseException], None],
        max_silence_seconds: float = MAX_SILENCE_SECONDS,
    ) -> BackgroundPart:
        """A new part; `report` is called with each unforeseen error of it."""
        part = BackgroundPart(name, report, max_silence_seconds)
        self._parts.append(part)
        return part

    def remove(self, part: BackgroundPart) -> None:
        """Forget a part that is not needed any more, and its series, after its run() has ended."""
        self._parts.remove(part)
        BACKGROUND_FAILURES.remove(part.name)
        BACKGROUND_PROGRESS.remove(part.name)

    def dead(self) -> list[str]:
        """The names of the parts that have ended, hang, or fail again and again."""
        return [part.name for part in self._parts if part.dead]
