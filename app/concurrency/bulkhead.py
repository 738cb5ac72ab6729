"""A bulkhead: costly work of one kind never occupies more than its share of the threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class BulkheadFull(Exception):
    """The work was not started: too many callers wait, or this one has waited too long."""


class Bulkhead:
    """Runs the work of a few callers at a time; a few more wait, and the others are refused."""

    def __init__(self, max_running: int, max_waiting: int, max_wait_seconds: float) -> None:
        self.max_waiting = max_waiting
        """May be changed while the bulkhead is in use."""
        self._max_running = max_running
        self._max_wait_seconds = max_wait_seconds
        self._left = threading.Condition()
        self._running = 0
        self._waiting = 0

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Hold one of the places during the block; raises BulkheadFull."""
        self._enter()
        try:
            yield
        finally:
            with self._left:
                self._running -= 1
                self._left.notify()

    def _enter(self) -> None:
        limit = time.monotonic() + self._max_wait_seconds
        with self._left:
            if self._running >= self._max_running:
                if self._waiting >= self.max_waiting:
                    raise BulkheadFull(f"{self._waiting} callers are waiting")
                self._waiting += 1
                try:
                    self._await_place(limit)
                finally:
                    self._waiting -= 1
            self._running += 1

    def _await_place(self, limit: float) -> None:
        while self._running >= self._max_running:
            remaining = limit - time.monotonic()
            if remaining <= 0:
                raise BulkheadFull(f"no place was free for {self._max_wait_seconds} s")
            self._left.wait(remaining)
