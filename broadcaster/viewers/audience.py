"""The viewers of one board and period, and the board that is sent to them."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from itertools import chain

import gevent

from app.contract.standings import BoardPeriod
from broadcaster.viewers.connection import ViewerConnection
from broadcaster.viewers.encoded_event import EncodedEvent, Encoding
from broadcaster.viewers.ready_viewers import VIEWERS_PER_TURN, ReadyViewers


class Audience:
    """All viewers of one board and period; all of it runs in one event loop.

    `on_left` is called after each viewer that has left; it must not block.
    """

    def __init__(self, watched: BoardPeriod, on_left: Callable[[Audience], None]) -> None:
        self.watched = watched
        self._on_left = on_left
        self._ready = {encoding: ReadyViewers(self) for encoding in Encoding}
        # Viewers that have something unsent or are closing.
        self._pending: dict[ViewerConnection, None] = {}
        self._board: EncodedEvent | None = None
        self._contest: EncodedEvent | None = None
        self._late_cpu_seconds = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._ready.values())) + len(self._pending)

    def add(self, viewer: ViewerConnection) -> None:
        """Add a viewer; from now on broadcasts reach it."""
        if viewer.ready:
            self._ready[viewer.encoding].add(viewer)
        else:
            self._pending[viewer] = None

    def discard(self, viewer: ViewerConnection) -> None:
        """Remove a viewer that was closed or watches another board."""
        self._remove(viewer)
        self._on_left(self)

    def on_ready_changed(self, viewer: ViewerConnection) -> None:
        """A viewer of this audience can take boards at once now, or not any more."""
        self._remove(viewer)
        self.add(viewer)

    def _remove(self, viewer: ViewerConnection) -> None:
        self._ready[viewer.encoding].remove(viewer)
        self._pending.pop(viewer, None)

    def move_here(self, viewer: ViewerConnection) -> None:
        """Let a viewer watch this board and send it at once, also if it is watched already."""
        if viewer.closed:
            return
        before, viewer.audience = viewer.audience, self
        if before is not self:
            self.add(viewer)
            before.discard(viewer)
        self.send_board(viewer)

    def send_board(self, viewer: ViewerConnection, known_version: int | None = None) -> None:
        """Send one viewer the board that was broadcast last, unless it knows this version.

        After it, the contest that was sent last, if there is one.
        """
        assert self._board is not None, "a viewer waits for the first board"
        if self._board.version is None or self._board.version != known_version:
            viewer.send_board(self._board.bytes_for(viewer.encoding))
        if self._contest is not None:
            viewer.send_event(self._contest)

    def broadcast(self, board: EncodedEvent) -> float:
        """Send a board to all viewers; a viewer that joins during it starts with this board.

        Returns the CPU seconds that broadcasting took, including the late sends of the boards
        before this one.
        """
        self._board = board
        cpu_seconds, self._late_cpu_seconds = self._late_cpu_seconds, 0.0
        # All at the same time, so that a viewer that becomes ready does not get the board twice.
        turns = [
            (ready, ready.begin_broadcast(), board.bytes_for(encoding))
            for encoding, ready in self._ready.items()
            if ready
        ]
        # Only their send buffers get it, so there is nothing to wait for.
        for viewer in self._pending:
            viewer.send_board(board.bytes_for(viewer.encoding))
        for ready, descriptors, frame in turns:
            cpu_seconds += _send_in_turns(ready, descriptors, frame)
        return cpu_seconds

    def send_contest(self, contest: EncodedEvent) -> None:
        """Send the contest to all viewers, and from now on to each new one."""
        self._contest = contest
        self.send_event(contest)

    def send_event(self, event: EncodedEvent) -> None:
        """Send an event that must not be left out to all viewers."""
        viewers = [*chain(*self._ready.values()), *self._pending]
        for position, viewer in enumerate(viewers, start=1):
            # During a sleep below, a viewer may have changed to another board.
            if viewer.audience is self:
                viewer.send_event(event)
            if position % VIEWERS_PER_TURN == 0:
                gevent.sleep(0)

    def on_sent_late(self, cpu_seconds: float) -> None:
        """Add the CPU time of sending buffered frames to that of the next board."""
        self._late_cpu_seconds += cpu_seconds


def _send_in_turns(ready: ReadyViewers, descriptors: array[int], frame: bytes) -> float:
    """Returns the CPU seconds that it took."""
    cpu_seconds = 0.0
    try:
        for start in range(0, len(descriptors), VIEWERS_PER_TURN):
            started = time.thread_time()
            ready.send(descriptors[start : start + VIEWERS_PER_TURN], frame)
            cpu_seconds += time.thread_time() - started
            gevent.sleep(0)
    finally:
        ready.end_broadcast()
    return cpu_seconds
