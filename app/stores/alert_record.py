"""What has been alerted of, shared by all processes over Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import redis

from app.contract import keys
from app.stores.lua_script import read_script
from app.stores.redis import translated


@dataclass(frozen=True)
class Ended:
    """A trouble that is over."""

    held: int
    """Occurrences since the last alert, of which nobody was told yet."""
    seconds: float
    """From its first occurrence to its last."""


class AlertRecord(Protocol):
    """Decides, for all who share it, who sends an alert and who holds it back."""

    def note(self, kind: str, occurrences: int) -> int | None:
        """None: hold it back; else send it, and tell that so many were held back before."""

    def open(self) -> frozenset[str]:
        """The kinds that somebody was alerted of and that have not ended."""

    def settle(self, kind: str, quiet_seconds: float) -> Ended | None:
        """The end of a kind not seen for so long; told to one caller."""


class RedisAlertRecord:
    """An AlertRecord of all processes on all machines; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis, hold_seconds: float) -> None:
        self._client = client
        self._hold_ms = int(hold_seconds * 1000)
        self._note = read_script(client, "note_alert")
        self._settle = read_script(client, "settle_alert")

    def note(self, kind: str, occurrences: int) -> int | None:
        with translated():
            held = int(self._note([keys.ALERTS], [kind, occurrences, self._hold_ms]))
        return None if held < 0 else held

    def open(self) -> frozenset[str]:
        with translated():
            known = self._client.hgetall(keys.ALERTS)
        return frozenset(
            str(name).removesuffix(":open")
            for name, value in known.items()
            if str(name).endswith(":open") and value == "1"
        )

    def settle(self, kind: str, quiet_seconds: float) -> Ended | None:
        with translated():
            ended = self._settle([keys.ALERTS], [kind, int(quiet_seconds * 1000)])
        return Ended(int(ended[0]), int(ended[1]) / 1000) if ended else None

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
