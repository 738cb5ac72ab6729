"""Sharing new connections evenly between the workers of one server.

All workers wait on the same listener, and the first one to wake up accepts. A proxy keeps a few
connections open for long, so one worker could have nearly all of them and do all of the work: 13 of
16 connections was usual. docs/decisions/0022-requests-side-by-side.md has more.
"""

from __future__ import annotations

import time
from mmap import mmap

MAX_WORKERS = 256
"""Workers of one server, those of the last reload included; further ones have no count."""
UNUSED = -1
RETIRED = 2**31 - 1
"""The count of a worker that no longer accepts, so that no worker waits for it."""
ACCEPT_DELAY_SECONDS = 0.001
"""Delay before accepting, so that a less loaded worker can accept first."""


class WorkerSlot:
    """Holds the number of connections of one worker, which the other workers read."""

    def __init__(self, counts: memoryview, position: int | None) -> None:
        self._counts = counts
        self._position = position

    def publish(self, connections: int) -> None:
        """Show the number of connections to the other workers."""
        if self._position is not None:
            self._counts[self._position] = connections

    def release(self) -> None:
        """Free the slot of an ended worker; called by the arbiter, which may give it to another."""
        self.publish(UNUSED)

    def fewest_of_others(self) -> int | None:
        """The fewest connections that another worker has; None without another worker."""
        others = [
            count
            for position, count in enumerate(self._counts)
            if count != UNUSED and position != self._position
        ]
        return min(others, default=None)


class ConnectionCounts:
    """The number of connections of each worker, in memory that the arbiter shares with them."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap(-1, 4 * MAX_WORKERS)).cast("i")
        for position in range(MAX_WORKERS):
            self._counts[position] = UNUSED

    def allocate(self) -> WorkerSlot:
        """A slot for a worker that is about to be forked."""
        free = (position for position, count in enumerate(self._counts) if count == UNUSED)
        slot = WorkerSlot(self._counts, next(free, None))
        slot.publish(0)
        return slot


class ConnectionBalancer:
    """Delays a worker's accept while another worker has fewer connections."""

    def __init__(self, slot: WorkerSlot | None) -> None:
        self._slot = slot

    def publish(self, connections: int) -> None:
        """Show the number of connections to the other workers."""
        if self._slot is not None:
            self._slot.publish(connections)

    def retire(self) -> None:
        """Stop the other workers from waiting for this one, which no longer accepts."""
        self.publish(RETIRED)

    def give_way(self, connections: int) -> None:
        """Wait a moment if another worker has fewer; the threads of this worker run on."""
        fewest = self._slot.fewest_of_others() if self._slot is not None else None
        if fewest is not None and connections > fewest:
            time.sleep(ACCEPT_DELAY_SECONDS)
