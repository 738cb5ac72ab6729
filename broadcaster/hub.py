"""All viewers of this process, by user for those that have to go."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import gevent
import structlog

from app.contract import messages
from app.contract.identity import Identity
from app.contract.messages import EndReason, SessionsEnded
from broadcaster import frames
from broadcaster.close_codes import BANNED, SESSION_REVOKED, TOO_MANY_CONNECTIONS, Closing
from broadcaster.limits import Places, ViewerLimits
from broadcaster.metrics import VIEWERS
from broadcaster.viewer import Viewer

VIEWERS_A_TURN = 256
"""How many are served before the event loop gets its turn."""
GOODBYES_A_TURN = 100
GOODBYE_PAUSE_SECONDS = 0.02
"""Between two turns of goodbyes: 5,000 viewers a second, unless time is too short for that."""
ENDED_MEMORY_SECONDS = 30.0
"""Far longer than any handshake between verifying a session and joining."""

log = structlog.stdlib.get_logger(__name__)


class Hub:
    """Owns the viewers' sockets from the handshake on; all of it runs in one event loop.

    `on_message` gets each text message of a viewer; it must not block.
    """

    def __init__(
        self,
        heartbeat_seconds: int,
        limits: ViewerLimits,
        on_message: Callable[[Hub, Viewer, str], None],
    ) -> None:
        self.limits = limits
        self._heartbeat_seconds = heartbeat_seconds
        self._on_message = on_message
        # In the order of joining, in which the kernel took its memory for them: going through that
        # in disorder costs a broadcast an eighth more.
        self._viewers: dict[Viewer, None] = {}
        self._places = Places(limits)
        self._by_user: dict[str, set[Viewer]] = {}
        self._ended: dict[str, tuple[float, EndReason]] = {}
        self._board: bytes | None = None
        self._farewell: Closing | None = None
        self._late_work = 0.0

    def __len__(self) -> int:
        return len(self._viewers)

    def viewers(self) -> tuple[Viewer, ...]:
        """Those of this moment; some may have left when their turn comes, which does no harm."""
        return tuple(self._viewers)

    @property
    def full(self) -> bool:
        """Whether this process holds as many viewers as it may."""
        return len(self._viewers) >= self.limits.viewers

    def join(self, sock: socket.socket, identity: Identity, address: str, early: bytes) -> None:
        """Take over a socket after its handshake; `early` are bytes that came right behind it.

        A viewer too many, of the user or from the address, is told so and closed: a page can't
        see why a handshake failed, but it can read a close code. Nothing here waits, so no board
        and no end of a session falls between its steps.
        """
        assert self._board is not None, "viewers are let in once there is a board"
        viewer = Viewer(sock, identity, self)
        self._viewers[viewer] = None
        VIEWERS.inc()
        self._by_user.setdefault(identity.user_id, set()).add(viewer)
        if self._places.take(identity.user_id, address):
            viewer.place = address
            self._greet(viewer)
            viewer.show(self._board)
        else:
            viewer.close(TOO_MANY_CONNECTIONS)
        if self._farewell is not None:
            viewer.close(self._farewell)
        self._close_if_ended(viewer)
        viewer.listen(early)
        log.debug("viewer_joined", user=identity.user_id, viewers=len(self))

    def renew(self, viewer: Viewer, identity: Identity) -> None:
        """Let the viewer go on with a newer token of the same user."""
        viewer.identity = identity
        self._greet(viewer)
        self._close_if_ended(viewer)

    def broadcast(self, frame: bytes) -> float:
        """Show a board to everyone; who joins meanwhile begins with it.

        Returns the seconds of CPU that broadcasting took, what viewers got late of the boards
        before included.
        """
        self._board = frame
        worked, self._late_work = self._late_work, 0.0
        viewers = self.viewers()
        for start in range(0, len(viewers), VIEWERS_A_TURN):
            begun = time.thread_time()
            for viewer in viewers[start : start + VIEWERS_A_TURN]:
                viewer.show(frame)
            worked += time.thread_time() - begun
            gevent.sleep(0)
        return worked

    def end_sessions(self, ended: SessionsEnded) -> None:
        """Close the viewers of sessions that ended, and those that are about to join with one."""
        now = time.monotonic()
        for session_id in ended.session_ids:
            self._ended.setdefault(session_id, (now, ended.reason))
        for viewer in tuple(self._by_user.get(ended.user_id, ())):
            self._close_if_ended(viewer)

    def forget_ended(self, now: float) -> None:
        """Drop what nobody can be about to join with any more."""
        for session_id, (since, _) in tuple(self._ended.items()):
            if now - since > ENDED_MEMORY_SECONDS:
                del self._ended[session_id]

    def tell_everyone(self, frame: bytes) -> None:
        """Send a frame that nobody may miss to all viewers of this moment."""
        for position, viewer in enumerate(self.viewers(), start=1):
            viewer.tell(frame)
            if position % VIEWERS_A_TURN == 0:
                gevent.sleep(0)

    def drain(self, farewell: Closing, seconds: float) -> None:
        """Send everyone away, a few at a time, and everyone who still joins at once.

        The pauses take `seconds` at most, however many viewers there are.
        """
        self._farewell = farewell
        pause = min(GOODBYE_PAUSE_SECONDS, seconds * GOODBYES_A_TURN / max(1, len(self)))
        for position, viewer in enumerate(self.viewers(), start=1):
            viewer.close(farewell)
            if position % GOODBYES_A_TURN == 0:
                gevent.sleep(pause)

    def heard(self, viewer: Viewer, message: str) -> None:
        """A viewer's text message came."""
        self._on_message(self, viewer, message)

    def sent_late(self, seconds: float) -> None:
        """A viewer took what waited for it, at so many seconds of CPU."""
        self._late_work += seconds

    def left(self, viewer: Viewer, code: int) -> None:
        """A viewer's socket is closed."""
        self._viewers.pop(viewer, None)
        VIEWERS.dec()
        if viewer.place is not None:
            self._places.give_back(viewer.identity.user_id, viewer.place)
        of_user = self._by_user[viewer.identity.user_id]
        of_user.discard(viewer)
        if not of_user:
            del self._by_user[viewer.identity.user_id]
        log.debug("viewer_left", user=viewer.identity.user_id, code=code, viewers=len(self))

    def _greet(self, viewer: Viewer) -> None:
        identity = viewer.identity
        remaining = max(0, identity.expires_at - int(time.time()))
        greeting = messages.connected(identity.user_id, self._heartbeat_seconds, remaining)
        viewer.tell(frames.text(greeting))

    def _close_if_ended(self, viewer: Viewer) -> None:
        if ended := self._ended.get(viewer.identity.session_id):
            viewer.close(_closing_for(ended[1]))


def _closing_for(reason: EndReason) -> Closing:
    return BANNED if reason == "banned" else SESSION_REVOKED
