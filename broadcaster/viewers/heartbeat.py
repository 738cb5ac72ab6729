"""Closes viewers whose token expired, that are silent or stalled, or that don't finish closing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import gevent

from app.contract.viewers.close_codes import DISPLAY_EXPIRED, TOKEN_EXPIRED, TOO_SLOW
from broadcaster.viewers.connection import ViewerConnection
from broadcaster.viewers.hub import Hub
from broadcaster.viewers.ready_viewers import VIEWERS_PER_TURN
from broadcaster.viewers.stream_viewer import COMMENT, StreamViewer
from broadcaster.viewers.viewer import Viewer
from broadcaster.viewers.websocket.frames import PING

SWEEP_SECONDS = 1.0


class Heartbeat:
    """Checks each viewer once a second; one sweep is cheaper than a timer for each viewer.

    A viewer that was silent for heartbeat_seconds is pinged, and dropped if it stays silent for
    as long again. So a peer that vanished without a FIN is dropped after twice that time.
    """

    def __init__(self, hub: Hub, heartbeat_seconds: int) -> None:
        self._hub = hub
        self._heartbeat_seconds = heartbeat_seconds

    def run(self, progress: Callable[[], None]) -> None:
        """Sweep forever; `progress` is called after each sweep."""
        while True:
            gevent.sleep(SWEEP_SECONDS)
            self._sweep()
            progress()

    def _sweep(self) -> None:
        now, clock = time.monotonic(), time.time()
        self._hub.forget_ended_sessions(now)
        for position, viewer in enumerate(self._hub.viewers(), start=1):
            self.check(viewer, now, clock)
            if position % VIEWERS_PER_TURN == 0:
                gevent.sleep(0)

    def check(self, viewer: ViewerConnection, now: float, clock: float) -> None:
        """Ping, close or drop the viewer if it is due, and say when to check it again.

        `now` is in monotonic seconds, `clock` in Unix seconds.
        """
        if now < viewer.check_at:
            return
        if viewer.close_by is not None:
            if now >= viewer.close_by:
                viewer.drop()
        elif viewer.stalled(now):
            viewer.close(TOO_SLOW)
        # The usual kind first: asking for another subclass of an abstract class is slower.
        elif isinstance(viewer, Viewer):
            self._check_viewer(viewer, now, clock)
        elif isinstance(viewer, StreamViewer):
            self._comment(viewer, now)
        viewer.check_at = _next_check(viewer, now, clock)

    def _comment(self, viewer: StreamViewer, now: float) -> None:
        if now < viewer.ping_at:
            return
        if viewer.ping_at:
            viewer.send(COMMENT)
        viewer.ping_at = now + self._heartbeat_seconds * _jitter()

    def _check_viewer(self, viewer: Viewer, now: float, clock: float) -> None:
        if clock >= viewer.identity.expires_at:
            display = viewer.identity.typ == "display"
            viewer.close(DISPLAY_EXPIRED if display else TOKEN_EXPIRED)
        elif now >= viewer.ping_at:
            self._ping_or_drop(viewer, now)

    def _ping_or_drop(self, viewer: Viewer, now: float) -> None:
        due = viewer.received_at + self._heartbeat_seconds * _jitter()
        if viewer.pinged:
            viewer.drop()
        elif due > now:
            viewer.ping_at = due
        else:
            viewer.pinged = True
            viewer.ping_at = now + self._heartbeat_seconds
            viewer.send(PING)


def _next_check(viewer: ViewerConnection, now: float, clock: float) -> float:
    if not viewer.ready:
        return 0.0
    if isinstance(viewer, Viewer):
        return min(viewer.ping_at, now + viewer.identity.expires_at - clock)
    return viewer.ping_at


def _jitter() -> float:
    # Random, so that viewers that joined together are not pinged together.
    return random.uniform(0.8, 1.0)  # noqa: S311 - no secret
