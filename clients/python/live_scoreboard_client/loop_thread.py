"""An event loop in a thread, for callers without asyncio."""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

CLOSE_SECONDS = 1.0
"""How long calls of other threads may take to end by themselves when the client is closed."""


class _Exit(Exception):
    """A handler raised SystemExit or KeyboardInterrupt, which would end the loop in a task."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class LoopThread:
    """Runs coroutines for other threads."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._end: concurrent.futures.Future[None] | None = None
        self._lock = threading.Lock()
        """Held to give the loop a coroutine, so that none comes after the last, and to close it."""
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="live-scoreboard-client", daemon=True
        )
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of the coroutine; may not be called from a handler of a watch.

        Raises RuntimeError if the client is closed, also while the coroutine runs.
        """
        try:
            future = self._submit(coroutine)
        except RuntimeError:
            coroutine.close()
            raise
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise RuntimeError("the client was closed during the call") from None
        except _Exit as error:
            raise error.cause from None

    def call(self, function: Callable[[], T]) -> T:
        """The result of a function that needs the running loop."""

        async def call() -> T:
            return function()

        return self.run(call())

    def close(self, last: Callable[[], Awaitable[None]]) -> None:
        """Await `last`, end the calls of other threads, and end the thread."""
        self._check_caller()
        with self._lock:
            if self._end is None:
                self._end = asyncio.run_coroutine_threadsafe(end_with(last), self._loop)
                self._end.add_done_callback(
                    lambda _: self._loop.call_soon_threadsafe(self._loop.stop)
                )
        try:
            self._end.result()
        finally:
            self._thread.join()
            with self._lock:
                self._loop.close()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        self._check_caller()
        with self._lock:
            if self._end is not None:
                raise RuntimeError("the client is closed")
            return asyncio.run_coroutine_threadsafe(without_exit(coroutine), self._loop)

    def _check_caller(self) -> None:
        if threading.current_thread() is self._thread or os.getpid() != self._pid:
            raise RuntimeError(
                "call the client from another thread than that of a watch's handlers, and in the"
                " process that made it"
            )


async def without_exit(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of the coroutine; raises _Exit in place of an exception that ends the loop."""
    try:
        return await coroutine
    except (KeyboardInterrupt, SystemExit) as error:
        raise _Exit(error) from error


async def end_with(last: Callable[[], Awaitable[None]]) -> None:
    """Await `last`, then the other tasks of the loop, which are cancelled if they take long."""
    try:
        await last()
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            _, running = await asyncio.wait(others, timeout=CLOSE_SECONDS)
            for task in running:
                task.cancel()
            await asyncio.wait(others)
