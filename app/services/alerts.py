"""Alerts to operators (flow 8): from a thread beside the requests, and never more than needed."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from app.contract.alerts import AlertKind, cause_of
from app.contract.errors import RedisUnavailable
from app.services.alert_receivers import Message, Receiver
from app.services.health import HealthReport
from app.stores.alert_record import AlertRecord, Ended

HOLD_SECONDS = 300.0
"""The same alert is sent at most once in so long."""
ROUND_SECONDS = 1.0
"""Occurrences are collected for so long, so that a thousand cost one note."""
LOOK_SECONDS = 2.0
"""How often it is asked whether a trouble has ended."""
FLUSH_SECONDS = 1.0
STOP_SECONDS = 0.2

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class _Occurrences:
    number: int
    cause: str
    request_id: str


class Alerts:
    """Tells operators of a trouble, how often it came, and when it is well again.

    `report` only counts, so it costs a request nothing. `shared` decides for all machines who
    alerts; for REDIS_UNAVAILABLE, and while Redis is away, `host` decides for this machine.
    Without receivers it does nothing at all.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        shared: AlertRecord,
        host: AlertRecord,
        check: Callable[[], HealthReport],
    ) -> None:
        self._receivers = receivers
        self._shared = shared
        self._host = host
        self._check = check
        self._lock = threading.Lock()
        self._reported: dict[AlertKind, _Occurrences] = {}
        self._thread: threading.Thread | None = None
        self._wake, self._hurry, self._stopped = (threading.Event() for _ in range(3))
        self._at_work = False

    def start(self) -> None:
        """Start the thread, in the process that is to have it; report() does so too."""
        with self._lock:
            if self._receivers and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
                self._thread.start()

    def report(
        self, kind: AlertKind, error: BaseException | None = None, request_id: str = ""
    ) -> None:
        """It happened once more; returns at once."""
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
        """Send what was reported; False where not all was delivered in so many seconds."""
        limit = time.monotonic() + seconds
        self._hurry.set()
        self._wake.set()
        try:
            while not self._idle():
                if time.monotonic() >= limit:
                    return False
                time.sleep(0.01)
            return True
        finally:
            self._hurry.clear()

    def close(self) -> None:
        """Flush, and end the thread."""
        if self._thread is None:
            return
        if not self.flush():
            log.warning("alerts_not_flushed")
        self._stopped.set()
        self._hurry.set()
        self._wake.set()
        self._thread.join(STOP_SECONDS)

    def _idle(self) -> bool:
        with self._lock:
            at_work = bool(self._reported) or self._at_work
        return not at_work and all(receiver.idle for receiver in self._receivers)

    def _run(self) -> None:
        look_at = 0.0
        while not self._stopped.is_set():
            self._wake.wait(LOOK_SECONDS)
            self._wake.clear()
            with self._lock:
                reported, self._reported = self._reported, {}
                self._at_work = True
            for kind, occurrences in reported.items():
                self._note(kind, occurrences)
            if time.monotonic() >= look_at and not self._hurry.is_set():
                self._settle()
                look_at = time.monotonic() + LOOK_SECONDS
            with self._lock:
                self._at_work = False
            self._hurry.wait(ROUND_SECONDS)

    def _note(self, kind: AlertKind, occurrences: _Occurrences) -> None:
        record = self._host if kind is AlertKind.REDIS_UNAVAILABLE else self._shared
        try:
            held = record.note(kind.name, occurrences.number)
        except RedisUnavailable:
            held = self._host.note(kind.name, occurrences.number)
        if held is not None:
            self._send(_alarm(kind, occurrences, held))

    def _settle(self) -> None:
        """Say "well again" of what has ended, on behalf of whichever process alerted."""
        health: HealthReport | None = None
        for record in (self._shared, self._host):
            try:
                for name in sorted(record.open() & set(AlertKind.__members__)):
                    kind = AlertKind[name]
                    health = health or self._check()
                    if all(getattr(health, need) == "ok" for need in kind.needs):
                        ended = record.settle(name, kind.quiet_seconds)
                        if ended is not None:
                            self._send(_all_clear(kind, ended))
            except RedisUnavailable:
                continue

    def _send(self, message: Message) -> None:
        for receiver in self._receivers:
            receiver.offer(message)


def _alarm(kind: AlertKind, occurrences: _Occurrences, held: int) -> Message:
    times = "Once" if occurrences.number == 1 else f"{occurrences.number} times within a second"
    lines = [f"{kind.meaning}.", f"{times} now."]
    if held:
        lines.append(f"{held} more were held back since the last alert.")
    if occurrences.cause:
        lines.append(f"Cause: {occurrences.cause}")
    if occurrences.request_id:
        lines.append(f"In the log: requestId {occurrences.request_id}")
    lines.append(f"Told by {socket.gethostname()}.")
    return Message(f"Live Scoreboard: {kind.name}", "\n".join(lines), "failure")


def _all_clear(kind: AlertKind, ended: Ended) -> Message:
    lines = [
        f"Not seen for {kind.quiet_seconds:.0f} seconds, after {ended.seconds:.0f} seconds of it.",
        f"{ended.held} more were held back since the last alert.",
    ]
    return Message(f"Live Scoreboard: {kind.name} is well again", "\n".join(lines), "success")
