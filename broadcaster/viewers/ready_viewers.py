"""The viewers that can take a board at once, and the fastest way to send it to them."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from broadcaster.viewers.audience import Audience
    from broadcaster.viewers.connection import ViewerConnection

VIEWERS_PER_TURN = 1024
"""Viewers that are served before the event loop serves others."""


class ReadyViewers:
    """The viewers of an audience with one encoding that have nothing unsent and are not closing.

    A broadcast writes to descriptors: the objects of 5,000 viewers are spread over more memory
    than a processor caches, so a loop over them takes longer (docs/decisions/0041-descriptors.md).

    Other viewers may leave between two turns of a broadcast, and their descriptors may be used
    again. So during a broadcast removed viewers are remembered.
    """

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        # A dict, because it keeps the order of joining, in which the kernel allocated the sockets.
        # In the order of a set a broadcast takes an eighth longer.
        self._viewers: dict[int, ViewerConnection] = {}
        # The keys as a broadcast uses them; None: a viewer was added or removed since.
        self._descriptors: array[int] | None = None
        self._removed: dict[int, ViewerConnection] | None = None

    def __len__(self) -> int:
        return len(self._viewers)

    def __iter__(self) -> Iterator[ViewerConnection]:
        return iter(self._viewers.values())

    def add(self, viewer: ViewerConnection) -> None:
        """Add a viewer that is ready."""
        self._viewers[viewer.descriptor] = viewer
        self._descriptors = None

    def remove(self, viewer: ViewerConnection) -> None:
        """Remove a viewer if it is here; from now on its descriptor is not written to."""
        descriptor = viewer.descriptor
        if self._viewers.get(descriptor) is viewer:
            del self._viewers[descriptor]
            self._descriptors = None
            if self._removed is not None:
                # The first one, because a later one joined during this broadcast.
                self._removed.setdefault(descriptor, viewer)

    def begin_broadcast(self) -> array[int]:
        """The descriptors of the viewers at this time; send() has to be called with all of them."""
        self._removed = {}
        if self._descriptors is None:
            self._descriptors = array("i", self._viewers)
        return self._descriptors

    def end_broadcast(self) -> None:
        """Forget the viewers that were removed during the broadcast."""
        self._removed = None

    def send(self, descriptors: array[int], frame: bytes) -> None:
        """Send a board to these descriptors, which begin_broadcast() returned.

        A viewer that was removed since then gets it too, unless it is closing or watches another
        board.
        """
        removed, size, write = self._removed, len(frame), os.write
        assert removed is not None, "begin_broadcast() comes first"
        for descriptor in descriptors:
            if descriptor in removed:
                viewer = removed[descriptor]
                if viewer.audience is self._audience:
                    viewer.send_board(frame)
                continue
            try:
                sent = write(descriptor, frame)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The connection is broken, so the board can never be sent.
                self._viewers[descriptor].drop()
                continue
            if sent != size:
                self._viewers[descriptor].keep_board(frame, sent)
