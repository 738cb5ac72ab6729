"""An event loop in a thread, for callers without asyncio."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines for other threads."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="live-scoreboard-client", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of the coroutine; may not be called from a handler of a watch."""
        if threading.current_thread() is self._thread or os.getpid() != self._pid:
            coroutine.close()
            raise RuntimeError(
                "call the client from another thread than that of a watch's handlers, and in the"
                " process that made it"
            )
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def call(self, function: Callable[[], T]) -> T:
        """The result of a function that needs the running loop."""

        async def call() -> T:
            return function()

        return self.run(call())

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Await `last` and end the thread."""
        if self._loop.is_closed():
            return

        async def end() -> None:
            await last()

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
