"""Viewers that reconnect as the WebSocket contract says."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

FIRST_PAUSE_SECONDS, MAX_PAUSE_SECONDS = 0.2, 2.0


class ReconnectingViewer:
    """A screen that shows the newest board it has received."""

    def __init__(self, url: str, access_token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._pause = FIRST_PAUSE_SECONDS
        self._reconnect_in: float | None = None
        self.board: dict[str, Any] | None = None
        self.present = False
        self.connections = 0
        self.complaints: list[str] = []
        """Breaches of the contract: an older version, or a disconnect without a delay."""

    @property
    def top(self) -> list[tuple[int, str, int]]:
        """The shown rows: rank, user id, score."""
        rows = self.board["leaderboard"] if self.board else []
        return [(row["rank"], row["userId"], row["score"]) for row in rows]

    async def watch(self) -> None:
        """Watch until cancelled; reconnect after the delay in the disconnect frame.

        Without such a frame the delay has backoff and jitter.
        """
        while True:
            self._reconnect_in = None
            try:
                async with connect(self._url, additional_headers=self._headers) as socket:
                    self.connections += 1
                    await self._read(socket)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                pass
            self.present = False
            pause = self._reconnect_in
            if pause is None:
                pause = self._pause * random.uniform(0.5, 1.0)
                self._pause = min(self._pause * 2, MAX_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    async def _read(self, socket: Any) -> None:
        async for frame in socket:
            message = json.loads(frame)
            if message["event"] == "leaderboard_update":
                self._show(message["data"])
            elif message["event"] == "disconnect":
                self._note_disconnect(message["data"])

    def _show(self, board: dict[str, Any]) -> None:
        # The first board after a reconnection may be the one on the screen.
        shown = self.board["version"] if self.board else -1
        if board["version"] < shown + self.present:
            self.complaints.append(f"version {board['version']} after {shown}")
        self.board = board
        self.present = True
        self._pause = FIRST_PAUSE_SECONDS

    def _note_disconnect(self, data: dict[str, Any]) -> None:
        delay = data["reconnectInMs"]
        if delay is None:
            self.complaints.append(f"disconnected without a delay: {data['reason']}")
        else:
            self._reconnect_in = delay / 1000


class ReconnectingViewers:
    """All viewers, in the event loop of one thread."""

    def __init__(self, url: str, access_tokens: Sequence[str]) -> None:
        self.viewers = [ReconnectingViewer(url, token) for token in access_tokens]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._watching: list[asyncio.Task[None]] = []

    @property
    def complete(self) -> bool:
        """Whether every viewer is connected and has a board."""
        return all(viewer.present for viewer in self.viewers)

    def shows(self, top: list[tuple[int, str, int]]) -> bool:
        """Whether every viewer is connected and shows these rows."""
        return self.complete and all(viewer.top == top for viewer in self.viewers)

    def complaints(self) -> set[str]:
        return {complaint for viewer in self.viewers for complaint in viewer.complaints}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._watching:
            self._loop.call_soon_threadsafe(task.cancel)
        self._thread.join()

    def _run(self) -> None:
        self._loop.run_until_complete(self._watch_all())
        self._loop.close()

    async def _watch_all(self) -> None:
        self._watching = [asyncio.create_task(viewer.watch()) for viewer in self.viewers]
        await asyncio.gather(*self._watching, return_exceptions=True)
