"""Runs many players in a few threads. A player that waits does not occupy a thread."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Generic, TypeVar

P = TypeVar("P")


class Scheduler(Generic[P]):
    """Calls `step(player)` repeatedly, never twice at the same time for one player.

    A step returns when its player's next step is due (time.monotonic() seconds), or None if the
    player has finished. Of the players that are due, the one with the lowest `order(player)` is
    first.
    """

    def __init__(
        self,
        players: Iterable[P],
        order: Callable[[P], int],
        step: Callable[[P], float | None],
    ) -> None:
        self._order = order
        self._step = step
        self._tie_break = count()
        self._ready = [(order(player), next(self._tie_break), player) for player in players]
        heapq.heapify(self._ready)
        self._waiting: list[tuple[float, int, P]] = []
        self._unfinished = len(self._ready)
        self._stopped = False
        self._failure: Exception | None = None
        self._lock = threading.Lock()
        self._player_returned = threading.Condition(self._lock)
        self._finished = threading.Condition(self._lock)

    def run(self, concurrency: int) -> None:
        """Run until every player has finished. An error in a step ends the run and is raised."""
        for _ in range(min(concurrency, self._unfinished)):
            # Daemon threads, so that Ctrl-C does not wait for the requests in progress.
            threading.Thread(target=self._work, daemon=True).start()
        with self._lock:
            try:
                while self._unfinished and not self._stopped:
                    self._finished.wait()
            finally:
                self._stop()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        try:
            while (player := self._take()) is not None:
                self._return(player, self._step(player))
        except Exception as failure:  # noqa: BLE001 - run() raises it
            with self._lock:
                self._failure = self._failure or failure
                self._stop()

    def _stop(self) -> None:
        self._stopped = True
        self._player_returned.notify_all()
        self._finished.notify()

    def _take(self) -> P | None:
        with self._lock:
            while self._unfinished and not self._stopped:
                now = time.monotonic()
                while self._waiting and self._waiting[0][0] <= now:
                    _, tie_break, player = heapq.heappop(self._waiting)
                    heapq.heappush(self._ready, (self._order(player), tie_break, player))
                if self._ready:
                    return heapq.heappop(self._ready)[-1]
                self._player_returned.wait(self._waiting[0][0] - now if self._waiting else None)
            return None

    def _return(self, player: P, due: float | None) -> None:
        with self._lock:
            if due is not None:
                heapq.heappush(self._waiting, (due, next(self._tie_break), player))
                self._player_returned.notify()
                return
            self._unfinished -= 1
            if not self._unfinished:
                self._stop()
