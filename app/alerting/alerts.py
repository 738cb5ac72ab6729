"""Alerts to operators (flow 8), sent by a thread beside the requests and limited in number."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from app.alerting.alert_limit import AlertLimit
from app.alerting.background_parts import BackgroundParts, PartDead
from app.alerting.receivers import Message, Receiver
from app.contract.alerts import AlertKind, cause_of

ALERT_INTERVAL_SECONDS = 300
"""An alert of the same kind is sent at most once in this time."""
COLLECT_SECONDS = 1.0
"""Occurrences are collected for this time, so that a thousand of them ask the limit once."""
CHECK_SECONDS = 2.0
"""Time between two checks whether a background part makes no progress."""
FLUSH_SECONDS = 1.0
STOP_SECONDS = 0.2

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class _Occurrences:
    number: int
    cause: str
    request_id: str


class Alerts:
    """Sends an alert when an incident begins, and again while it lasts, as the limit allows.

    `report` only counts, so it does not delay a request. Without receivers this class does nothing.
    """

    def __init__(
        self, receivers: Sequence[Receiver], limit: AlertLimit, parts: BackgroundParts
    ) -> None:
        self._receivers = receivers
        self._limit = limit
        self._suppressed: Counter[AlertKind] = Counter()
        self._parts = parts
        self._part = parts.add("alerts", partial(self.report, AlertKind.PART_FAILED))
        self._lock = threading.Lock()
        self._reported: dict[AlertKind, _Occurrences] = {}
        self._thread: threading.Thread | None = None
        self._wake, self._flushing, self._stopped = (threading.Event() for _ in range(3))
        self._working = False

    def start(self) -> None:
        """Start the thread, after a fork in the child process; report() starts it too."""
        with self._lock:
            if self._receivers and self._thread is None:
                self._thread = threading.Thread(
                    target=self._part.run, args=(self._run,), name="alerts", daemon=True
                )
                self._thread.start()

    def report(
        self, kind: AlertKind, error: BaseException | None = None, request_id: str = ""
    ) -> None:
        """Count one occurrence; returns at once."""
        if not self._receivers:
            return
        with self._lock:
            before = self._reported.get(kind)
            if before is None:
                self._reported[kind] = _Occurrences(1, cause_of(error), request_id)
            else:
                self._reported[kind] = replace(before, number=before.number + 1)
        self._wake.set()
        self.start()

    def flush(self, seconds: float = FLUSH_SECONDS) -> bool:
        """Send what was reported; False if that takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        self._flushing.set()
        self._wake.set()
        try:
            while not self._idle():
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)
            return True
        finally:
            self._flushing.clear()

    def close(self) -> None:
        """Flush, and end the thread."""
        if self._thread is None:
            return
        if not self.flush():
            log.warning("alerts_not_flushed")
        self._stopped.set()
        self._part.stop()
        self._flushing.set()
        self._wake.set()
        self._thread.join(STOP_SECONDS)

    def _idle(self) -> bool:
        with self._lock:
            working = bool(self._reported) or self._working
        return not working and all(receiver.idle for receiver in self._receivers)

    def _run(self, progress: Callable[[], None]) -> None:
        next_check = 0.0
        while not self._stopped.is_set():
            self._wake.wait(CHECK_SECONDS)
            self._wake.clear()
            with self._lock:
                reported, self._reported = self._reported, {}
                self._working = True
            for kind, occurrences in reported.items():
                self._send_or_suppress(kind, occurrences)
            if time.monotonic() >= next_check and not self._flushing.is_set():
                self._report_dead_parts()
                next_check = time.monotonic() + CHECK_SECONDS
            with self._lock:
                self._working = False
            progress()
            self._flushing.wait(COLLECT_SECONDS)

    def _report_dead_parts(self) -> None:
        for name in self._parts.dead():
            self.report(AlertKind.PART_FAILED, PartDead(f"{name} makes no progress"))

    def _send_or_suppress(self, kind: AlertKind, occurrences: _Occurrences) -> None:
        if not self._limit.allows(kind.name):
            self._suppressed[kind] += occurrences.number
            return
        message = _alert(kind, occurrences, self._suppressed.pop(kind, 0))
        for receiver in self._receivers:
            receiver.enqueue(message)


def _alert(kind: AlertKind, occurrences: _Occurrences, suppressed: int) -> Message:
    times = "Once" if occurrences.number == 1 else f"{occurrences.number} times within a second"
    lines = [f"{kind.meaning}.", f"{times}."]
    if suppressed:
        lines.append(f"{suppressed} more in this process since its last alert.")
    if occurrences.cause:
        lines.append(f"Cause: {occurrences.cause}")
    if occurrences.request_id:
        lines.append(f"In the log: requestId {occurrences.request_id}")
    lines.append(f"Sent by {socket.gethostname()}.")
    return Message(f"Live Scoreboard: {kind.name}", "\n".join(lines))
