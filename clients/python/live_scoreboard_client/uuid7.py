"""UUIDv7 (RFC 9562, section 5.7): the ids of acts."""

from __future__ import annotations

import secrets
import threading
import time
import uuid

_COUNTER_LIMIT = 1 << 12
_lock = threading.Lock()
_last = (0, 0)
"""The time in ms and the counter of the last id."""


def new_id() -> str:
    """A new UUIDv7. The ids of one process grow, so that acts are counted in the order made."""
    global _last  # noqa: PLW0603 - the ids of a process share one counter
    with _lock:
        now, counter = time.time_ns() // 1_000_000, secrets.randbelow(_COUNTER_LIMIT // 2)
        last_ms, last_counter = _last
        if now <= last_ms:
            now, counter = last_ms, last_counter + 1
        if counter >= _COUNTER_LIMIT:
            now, counter = now + 1, 0
        _last = (now, counter)
    value = now << 80 | 7 << 76 | counter << 64 | 2 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=value))
