"""Keeps a transport connected, and uses the next one while it is not."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import NoReturn, Protocol

from ..models import Event
from .transport import ConnectionFailed, Transport

FALLBACK_SECONDS = 4.0
"""The next transport starts if one was lost for this time, or at once if it never worked."""
STABLE_SECONDS = 5.0
"""After a connection that lasted this long, the delays start again."""
RETRY_SECONDS = (1.0, 2.0, 4.0)
BLOCKED_RETRY_SECONDS = 30.0
"""If the event stream works, a proxy probably refuses WebSockets, and may do so for long."""


class Sink(Protocol):
    """Takes what the levels receive."""

    def receive(self, event: Event) -> None:
        """An event came."""

    def level_changed(self) -> None:
        """A level became live, lost its connection or starts an attempt."""


class Level:
    """One transport and its fallbacks, which are the transports after it."""

    def __init__(
        self, transports: Sequence[Transport], sink: Sink, upper: Level | None = None
    ) -> None:
        self.transport, *others = transports
        self.live_since: float | None = None
        self.cause = ""
        """Why the last attempt failed, while the level waits for the next; or ""."""
        self.retry_seconds = 0.0
        self.lower = Level(others, sink, self) if others else None
        self._sink = sink
        self._upper = upper
        self._failures = 0
        self._retry_now = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._lower_task: asyncio.Task[NoReturn] | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, tasks: asyncio.TaskGroup) -> NoReturn:
        """Connect again and again; raises WatchEnded. Fallbacks run in `tasks`."""
        self._tasks = tasks
        self._failures = 0
        self._start_lower_after(FALLBACK_SECONDS)
        try:
            while True:
                self.cause = ""
                self._sink.level_changed()
                try:
                    await self.transport.run(self)
                except ConnectionFailed as failure:
                    await self._pause(failure)
        finally:
            self.live_since = None
            self._stop_lower()

    def live(self) -> None:
        """The transport works: stop the next one."""
        if self.live_since is not None:
            return
        self.live_since = time.monotonic()
        self._stop_lower()
        if self._failures and self._upper is not None:
            # The server is back, so the better transports may be too.
            self._upper.retry_now()
        self._sink.level_changed()

    def receive(self, event: Event) -> None:
        """Pass on an event."""
        self._sink.receive(event)

    def retry_now(self) -> None:
        """Start the next attempt at once, unless the server named a time for it."""
        self._retry_now.set()
        if self._upper is not None:
            self._upper.retry_now()

    async def _pause(self, failure: ConnectionFailed) -> None:
        was_live, self.live_since = self.live_since, None
        if was_live is not None and time.monotonic() - was_live >= STABLE_SECONDS:
            self._failures = 0
        self._retry_now.clear()
        self._start_lower_after(0 if was_live is None else FALLBACK_SECONDS)
        # Random, so that clients that lost their connections together don't return together.
        seconds = self._retry_delay() * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        self._failures += 1
        self.cause = str(failure)
        self.retry_seconds = failure.retry_seconds or seconds
        self._sink.level_changed()
        if failure.retry_seconds is not None:
            await asyncio.sleep(failure.retry_seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._retry_now.wait()
        except TimeoutError:
            pass

    def _retry_delay(self) -> float:
        lower = self.lower
        if lower is not None and lower.lower is not None and lower.live_since is not None:
            return BLOCKED_RETRY_SECONDS
        return RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]

    def _start_lower_after(self, seconds: float) -> None:
        if self.lower is None or self._lower_task is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._start_lower)

    def _start_lower(self) -> None:
        if self.lower is not None and self._tasks is not None:
            self._lower_task = self._tasks.create_task(self.lower.run(self._tasks))

    def _stop_lower(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._lower_task is not None:
            self._lower_task.cancel()
        self._timer = self._lower_task = None
