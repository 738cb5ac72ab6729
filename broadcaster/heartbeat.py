"""What time alone does to viewers: expiry, silence, stalling, and the end of a farewell."""

from __future__ import annotations

import random
import time

import gevent

from broadcaster.close_codes import DISPLAY_EXPIRED, TOKEN_EXPIRED, TOO_SLOW
from broadcaster.frames import PING
from broadcaster.hub import VIEWERS_A_TURN, Hub
from broadcaster.viewer import Viewer

SWEEP_SECONDS = 1.0


class Heartbeat:
    """Looks at every viewer once a second; one sweep is cheaper than a timer a viewer.

    A viewer silent for heartbeat_seconds is pinged, and dropped if it stays silent for as long
    again, so a peer that vanished without a FIN is gone after twice that time.
    """

    def __init__(self, hub: Hub, heartbeat_seconds: int) -> None:
        self._hub = hub
        self._seconds = heartbeat_seconds

    def run(self) -> None:
        """Sweep for ever."""
        while True:
            gevent.sleep(SWEEP_SECONDS)
            self._sweep()

    def _sweep(self) -> None:
        now, clock = time.monotonic(), time.time()
        self._hub.forget_ended(now)
        for position, viewer in enumerate(self._hub.viewers(), start=1):
            self.look_after(viewer, now, clock)
            if position % VIEWERS_A_TURN == 0:
                gevent.sleep(0)

    def look_after(self, viewer: Viewer, now: float, clock: float) -> None:
        """Do what is due; now in monotonic seconds, clock in Unix seconds."""
        if viewer.close_by is not None:
            if now >= viewer.close_by:
                viewer.drop()
        elif viewer.stalled(now):
            viewer.close(TOO_SLOW)
        elif clock >= viewer.identity.expires_at:
            display = viewer.identity.typ == "display"
            viewer.close(DISPLAY_EXPIRED if display else TOKEN_EXPIRED)
        elif now >= viewer.ping_at:
            self._ping_or_drop(viewer, now)

    def _ping_or_drop(self, viewer: Viewer, now: float) -> None:
        # Early by chance, so that viewers who came together are not pinged together.
        due = viewer.heard_at + self._seconds * random.uniform(0.8, 1.0)  # noqa: S311 - no secret
        if viewer.pinged:
            viewer.drop()
        elif due > now:
            viewer.ping_at = due
        else:
            viewer.pinged = True
            viewer.ping_at = now + self._seconds
            viewer.tell(PING)
