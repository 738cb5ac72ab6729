"""Batches for servers that answer each request in a thread of its own.

Threads whose requests arrive while a batch runs wait. At its end one of them runs all of their
requests as the next batch. If requests of a batch wait for a lock, the next requests join it.
docs/decisions/0022-requests-side-by-side.md says what a batch is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from queue import Empty, SimpleQueue

from app.concurrency.batching import BATCH_THREADS, MAX_BATCH_SIZE, run_batch

STALLED_SECONDS = 0.05
"""A thread that needs longer for its batch is stalled, and another one may run the next batch."""


class BatchFailed(Exception):
    """A batch failed as a whole, so the outcome of its requests is unknown."""


class _Waiting:
    """One request and the thread that waits for its end."""

    def __init__(self, request: Callable[[], object]) -> None:
        self._request = request
        self.ended = False
        self.done = False
        self.failure: BaseException | None = None
        self._wakes: SimpleQueue[None] = SimpleQueue()

    def run(self) -> None:
        """Run the request, in the batch."""
        self._request()
        self.ended = True

    def release(self, failure: BaseException | None = None) -> None:
        """Let the waiting thread continue after the end of its request."""
        self.failure = failure
        self.done = True
        self.wake()

    def wake(self) -> None:
        """Let the waiting thread look whether its request is done, or run the next batch."""
        self._wakes.put(None)

    def wait(self, seconds: float) -> None:
        """Return after wake(), or after that time."""
        try:
            self._wakes.get(timeout=seconds)
        except Empty:
            return


class ThreadBatches:
    """Runs requests of many threads in batches; usually one batch at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # for the attributes below
        self._queue: deque[_Waiting] = deque()
        self._busy_threads = 0
        self._batch_started_at = 0.0

    @property
    def waiting_requests(self) -> int:
        """The number of requests that are in no batch yet."""
        return len(self._queue)

    def run(self, request: Callable[[], object]) -> None:
        """Run the request to its end, with those of other threads. It must not raise.

        Raises BatchFailed if the batch ended before its requests.
        """
        waiting = _Waiting(request)
        with self._lock:
            self._queue.append(waiting)
        while not waiting.done:
            if batch := self._take_batch():
                self._run_batch(batch)
            else:
                waiting.wait(STALLED_SECONDS)
        if waiting.failure is not None:
            raise BatchFailed() from waiting.failure

    def _take_batch(self) -> list[_Waiting]:
        """The requests that this thread must run now; empty if another thread is at work."""
        with self._lock:
            now = time.monotonic()
            if self._busy_threads:
                stalled = now - self._batch_started_at > STALLED_SECONDS
                if not stalled or self._busy_threads == BATCH_THREADS:
                    return []
            batch = self._next_batch(now)
            if batch:
                self._busy_threads += 1
            return batch

    def _next_batch(self, now: float) -> list[_Waiting]:
        size = min(MAX_BATCH_SIZE, len(self._queue))
        if size:
            self._batch_started_at = now
        return [self._queue.popleft() for _ in range(size)]

    def _run_batch(self, batch: list[_Waiting]) -> None:
        failure: BaseException | None = None
        try:
            run_batch([each.run for each in batch], partial(self._take_more, batch))
        except BaseException as error:  # noqa: BLE001 - raised in the threads of its requests
            failure = error
        with self._lock:
            self._busy_threads -= 1
            following = self._queue[0] if self._queue else None
        if following is not None:
            # First, so that the next batch starts while this one's replies are sent.
            following.wake()
        for each in batch:
            each.release(failure)

    def _take_more(self, batch: list[_Waiting], seconds: float) -> Sequence[Callable[[], None]]:
        """The requests that have arrived; releases those that have ended, and may wait.

        The request of the thread that runs the batch is not released before the batch ends.
        """
        for each in [each for each in batch if each.ended]:
            batch.remove(each)
            each.release()
        if not self._queue:
            time.sleep(seconds)
        with self._lock:
            # This thread is not stalled.
            self._batch_started_at = time.monotonic()
            more = self._next_batch(self._batch_started_at)
        batch += more
        return [each.run for each in more]
