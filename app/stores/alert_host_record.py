"""What has been alerted of, shared by the processes of one machine while Redis is away."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

from app.stores.alert_record import Ended

Episodes = dict[str, dict[str, float]]

log = structlog.stdlib.get_logger(__name__)


class HostAlertRecord:
    """An AlertRecord in a file under a lock; in this process's memory where there can be none.

    It keeps what RedisAlertRecord keeps, by this machine's clock.
    """

    def __init__(self, path: Path, hold_seconds: float) -> None:
        self._path = path
        self._hold_seconds = hold_seconds
        self._memory: Episodes = {}

    def note(self, kind: str, occurrences: int) -> int | None:
        with self._episodes() as episodes:
            # Under the lock: a time taken before it may be earlier than what the last one wrote.
            now = time.time()
            known = episodes.setdefault(kind, {"held": 0, "open": 0})
            known["seenAt"] = now
            # A clock that was set back must not hold an alert back for long.
            if 0 <= now - known.get("sentAt", -self._hold_seconds) < self._hold_seconds:
                known["held"] += occurrences
                return None
            if not known["open"]:
                known["beganAt"] = now
            held = int(known["held"])
            known |= {"sentAt": now, "held": 0, "open": 1}
            return held

    def open(self) -> frozenset[str]:
        with self._episodes() as episodes:
            return frozenset(kind for kind, known in episodes.items() if known["open"])

    def settle(self, kind: str, quiet_seconds: float) -> Ended | None:
        with self._episodes() as episodes:
            known = episodes.get(kind)
            if not known or not known["open"]:
                return None
            if 0 <= time.time() - known["seenAt"] < quiet_seconds:
                return None
            ended = Ended(int(known["held"]), known["seenAt"] - known["beganAt"])
            known |= {"open": 0, "held": 0}
            return ended

    @contextmanager
    def _episodes(self) -> Iterator[Episodes]:
        """All that is known; what the block changes is kept."""
        try:
            descriptor = _open_own(self._path)
        except OSError as error:
            log.warning("alerts_not_shared", cause=str(error))
            yield self._memory
            return
        with os.fdopen(descriptor, "r+", encoding="utf-8") as file:
            # The lock ends with the file.
            fcntl.flock(file, fcntl.LOCK_EX)
            before = file.read()
            episodes = _parsed(before)
            yield episodes
            after = json.dumps(episodes)
            if after != before:
                file.seek(0)
                file.truncate()
                file.write(after)


def _open_own(path: Path) -> int:
    """The file's descriptor; raises OSError where somebody else laid it there."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.fstat(descriptor).st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(f"{path} is somebody else's")
    return descriptor


def _parsed(text: str) -> Episodes:
    try:
        found: Any = json.loads(text) if text else {}
    except ValueError:
        # Its writer was killed in the middle.
        return {}
    return found if isinstance(found, dict) else {}
