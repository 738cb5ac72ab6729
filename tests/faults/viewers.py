"""An audience of viewers who come back as the WebSocket contract says."""

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

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0


class Viewer:
    """One screen: it shows the newest board it was sent and never an older one."""

    def __init__(self, url: str, access_token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._pause = FIRST_PAUSE
        self._come_back_in: float | None = None
        self.board: dict[str, Any] | None = None
        self.present = False
        self.connections = 0
        self.complaints: list[str] = []
        """What the contract doesn't allow: a version that went back, a farewell without return."""

    @property
    def top(self) -> list[tuple[int, str, int]]:
        """The shown rows: rank, user id, score."""
        rows = self.board["leaderboard"] if self.board else []
        return [(row["rank"], row["userId"], row["score"]) for row in rows]

    async def watch(self) -> None:
        """Watch for ever; after a lost connection come back after the delay that was asked for,
        or with backoff and jitter where nobody said one."""
        while True:
            self._come_back_in = None
            try:
                async with connect(self._url, additional_headers=self._headers) as socket:
                    self.connections += 1
                    await self._read(socket)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                pass
            self.present = False
            pause = self._come_back_in
            if pause is None:
                pause = self._pause * random.uniform(0.5, 1.0)
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _read(self, socket: Any) -> None:
        async for frame in socket:
            message = json.loads(frame)
            if message["event"] == "leaderboard_update":
                self._show(message["data"])
            elif message["event"] == "disconnect":
                self._leave(message["data"])

    def _show(self, board: dict[str, Any]) -> None:
        # The first board after coming back may be the one that is shown already.
        shown = self.board["version"] if self.board else -1
        if board["version"] < shown + self.present:
            self.complaints.append(f"version {board['version']} after {shown}")
        self.board = board
        self.present = True
        self._pause = FIRST_PAUSE

    def _leave(self, farewell: dict[str, Any]) -> None:
        delay = farewell["reconnectInMs"]
        if delay is None:
            self.complaints.append(f"sent away for good: {farewell['reason']}")
        else:
            self._come_back_in = delay / 1000


class Audience:
    """All viewers, in the event loop of one thread."""

    def __init__(self, url: str, access_tokens: Sequence[str]) -> None:
        self.viewers = [Viewer(url, token) for token in access_tokens]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._watching: list[asyncio.Task[None]] = []

    @property
    def complete(self) -> bool:
        """Whether everybody is connected and sees a board."""
        return all(viewer.present for viewer in self.viewers)

    def shows(self, top: list[tuple[int, str, int]]) -> bool:
        """Whether everybody is there and sees these rows."""
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
