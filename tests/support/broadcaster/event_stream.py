"""A client of `/stream` that reads events as they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream; a comment has the name "comment"."""

    name: str
    id: str | None = None
    data: Any = None
    retry: str | None = None


class EventStreamClient:
    """An open stream; `reply` has its status and headers."""

    def __init__(self, url: str, query: str = "", **headers: str) -> None:
        self.reply = requests.get(
            f"{url}/stream?{query}", headers=headers, stream=True, timeout=(5, 10)
        )
        self._lines = self._read_lines()

    def close(self) -> None:
        self.reply.close()

    def next(self, name: str = "leaderboard_update") -> StreamEvent:
        """Skip to the next event of that name."""
        for event in self.events():
            if event.name == name:
                return event
        raise AssertionError(f"the stream ended before {name}")

    def events(self) -> Iterator[StreamEvent]:
        """The events until the stream ends."""
        fields: dict[str, str] = {}
        for line in self._lines:
            if line == ":":
                yield StreamEvent("comment")
            elif line:
                field, _, value = line.partition(": ")
                fields[field] = value
            elif fields:
                data = json.loads(fields["data"])
                yield StreamEvent(fields["event"], fields.get("id"), data, fields.get("retry"))
                fields = {}

    def _read_lines(self) -> Iterator[str]:
        rest = b""
        # One byte more than nothing, so that no event waits for the next one.
        for part in self.reply.iter_content(1):
            rest += part
            if part == b"\n":
                yield rest[:-1].decode()
                rest = b""
