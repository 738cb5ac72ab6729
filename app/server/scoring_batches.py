"""Answering action tokens and increments in batches: docs/decisions/0022-requests-side-by-side.md.

Requests that arrive while a batch is answered form the next batch. If requests of a batch wait for
a lock, the next requests join it. Usually one thread is at work; a second one starts only while the
first is stalled, because smaller batches cost more.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from app.server.gunicorn_internals import TConn

STALLED_SECONDS = 0.05
"""After this time with one batch its thread is stalled, and another may start."""

Answered = tuple[TConn, "Future[Any]"]
Requests = Sequence[Callable[[], object]]
RunBatch = Callable[[Requests, Callable[[float], Requests]], None]
"""Gets the requests of a batch, and a function that takes more of them (run_batch)."""


class ScoringBatches:
    """The scoring pool of one worker.

    `answer` answers one request of a connection, as a thread of gunicorn does. The same thread then
    calls `has_next`, which returns whether the connection's next request belongs here and is
    complete. `finish` gets the answered connections in a thread of this pool. `on_failure` is
    called if a batch fails as a whole: its requests will never be answered.
    """

    def __init__(
        self,
        run_batch: RunBatch,
        max_batch_size: int,
        threads: int,
        *,
        answer: Callable[[TConn], Any],
        has_next: Callable[[TConn], bool],
        finish: Callable[[Sequence[Answered]], None],
        on_failure: Callable[[BaseException], None],
    ) -> None:
        self._run_batch = run_batch
        self._max_batch_size = max_batch_size
        self._max_threads = threads
        self._answer = answer
        self._has_next = has_next
        self._finish = finish
        self._on_failure = on_failure
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="scoring")
        self._queue: deque[TConn] = deque()
        self._collecting = False
        self._arrived = threading.Condition()  # also the lock of the attributes below
        self._busy_threads = 0
        self._idle_threads = 0
        self._batch_started_at = 0.0

    def add(self, conn: TConn) -> None:
        """Queue the connection's request; called by the event loop."""
        self._queue.append(conn)
        if not self._collecting:
            self._start_thread()

    def start_collecting(self) -> None:
        """Start no thread until collect() is called, so that one batch takes all requests."""
        self._collecting = True

    def collect(self) -> None:
        """Have a thread answer the queued requests."""
        self._collecting = False
        self._start_thread()

    def limit_wait(self, seconds: float) -> float:
        """How long the event loop may wait before it calls collect() again."""
        return min(seconds, STALLED_SECONDS) if self._queue else seconds

    def _start_thread(self) -> None:
        if not self._queue:
            return
        with self._arrived:
            if self._idle_threads:
                self._arrived.notify()
                return
            if self._busy_threads:
                stalled = time.monotonic() - self._batch_started_at > STALLED_SECONDS
                if not stalled or self._busy_threads == self._max_threads:
                    return
            self._busy_threads += 1
        self._pool.submit(self._answer_queue).add_done_callback(self._check)

    def _check(self, done: Future[None]) -> None:
        failure = done.exception()
        if failure is not None:
            self._on_failure(failure)

    def _answer_queue(self) -> None:
        while batch := self._take_batch():
            answered: list[Answered] = []

            def take_more(seconds: float, answered: list[Answered] = answered) -> Requests:
                self._finish_done(answered)
                return self._requests(self._await_batch(seconds), answered)

            self._run_batch(self._requests(batch, answered), take_more)
            self._finish_done(answered)

    def _requests(self, batch: Sequence[TConn], answered: list[Answered]) -> Requests:
        """Functions that answer the connections of a batch, which are added to `answered`."""
        added: list[Answered] = [(conn, Future()) for conn in batch]
        answered += added
        return [partial(self._answer_one, *each) for each in added]

    def _finish_done(self, answered: list[Answered]) -> None:
        """Remove the connections that have their answer, and finish or continue them."""
        done = [each for each in answered if each[1].done()]
        answered[:] = [each for each in answered if not each[1].done()]
        finished = [each for each in done if not self._continue(*each)]
        if finished:
            self._finish(finished)

    def _take_batch(self) -> list[TConn]:
        """The next batch. If it is empty the thread must end: the next request starts another."""
        with self._arrived:
            batch = self._next_batch()
            if not batch:
                self._busy_threads -= 1
            return batch

    def _await_batch(self, seconds: float) -> list[TConn]:
        """The next batch for a thread that has requests waiting; empty if none arrives in time."""
        with self._arrived:
            if not self._queue:
                self._idle_threads += 1
                self._arrived.wait(seconds)
                self._idle_threads -= 1
            return self._next_batch()

    def _next_batch(self) -> list[TConn]:
        size = min(self._max_batch_size, len(self._queue))
        self._batch_started_at = time.monotonic()
        return [self._queue.popleft() for _ in range(size)]

    def _answer_one(self, conn: TConn, future: Future[Any]) -> None:
        try:
            future.set_result(self._answer(conn))
        except BaseException as error:  # noqa: BLE001 - `finish` handles it, as gunicorn does for its threads
            future.set_exception(error)

    def _continue(self, conn: TConn, future: Future[Any]) -> bool:
        """Queue the connection again if its client has already sent the next such request."""
        if future.exception() or not future.result() or not self._has_next(conn):
            return False
        self._queue.append(conn)
        return True
