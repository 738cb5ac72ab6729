"""All viewers of this process: joining, and closing by session or at shutdown."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import gevent
import structlog

from app.contract.channels import SessionsEnded
from app.contract.events import Connected
from app.contract.identity import Identity
from app.contract.viewers.close_codes import (
    BANNED,
    SESSION_REVOKED,
    TOO_MANY_CONNECTIONS,
    CloseKind,
)
from broadcaster.metrics import VIEWERS
from broadcaster.viewers.audience import Audience
from broadcaster.viewers.connection import STALL_SECONDS, ViewerConnection
from broadcaster.viewers.encoded_event import EncodedEvent
from broadcaster.viewers.limits import ViewerLimits
from broadcaster.viewers.ready_viewers import VIEWERS_PER_TURN
from broadcaster.viewers.stream_viewer import StreamViewer
from broadcaster.viewers.viewer import DeflatingViewer, Viewer
from broadcaster.viewers.viewer_quota import ViewerQuota
from broadcaster.viewers.websocket import frames

CLOSES_PER_TURN = 100
CLOSE_PAUSE_SECONDS = 0.02
"""Pause after CLOSES_PER_TURN viewers: 5,000 a second, or more if the time is short."""
ENDED_SESSION_SECONDS = 30.0
"""How long an ended session is remembered; far longer than a handshake takes to join."""

log = structlog.stdlib.get_logger(__name__)


class Hub:
    """Owns the viewers' sockets after the handshake; all of it runs in one event loop.

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
        self._viewers: dict[ViewerConnection, None] = {}
        self._quota = ViewerQuota(limits)
        self._by_user: dict[str, set[Viewer]] = {}
        self._ended_sessions: dict[str, tuple[float, SessionsEnded]] = {}
        self._shutdown_close: CloseKind | None = None

    def __len__(self) -> int:
        return len(self._viewers)

    def viewers(self) -> tuple[ViewerConnection, ...]:
        """The viewers at this time. Calls to a viewer that has left since do no harm."""
        return tuple(self._viewers)

    def identities(self) -> set[Identity]:
        """The identities of the viewers with a token."""
        return {viewer.identity for viewers in self._by_user.values() for viewer in viewers}

    def accepts_stream(self, address: str) -> bool:
        """Whether the address may have one more viewer."""
        return self._quota.fits(None, address)

    @property
    def full(self) -> bool:
        """Whether this process has as many viewers as it may have."""
        return len(self._viewers) >= self.limits.viewers

    def join(
        self,
        sock: socket.socket,
        identity: Identity,
        address: str,
        early: bytes,
        audience: Audience,
        *,
        deflated: bool = False,
    ) -> None:
        """Take ownership of a socket after its handshake; the viewer watches that audience's board.

        `early` are bytes that arrived together with the handshake. `deflated`: the handshake
        agreed on permessage-deflate. A viewer above the quota of
        its user or address is closed with a reason: a page can read a close code, but it cannot
        see why a handshake failed. This method never yields to another greenlet, so no board and no
        end of a session is missed between its steps.
        """
        kind = DeflatingViewer if deflated else Viewer
        viewer = kind(sock, identity, self, audience)
        self._add(viewer)
        self._by_user.setdefault(identity.user_id, set()).add(viewer)
        if self._quota.acquire(identity.user_id, address):
            viewer.quota_address = address
            self._send_connected(viewer)
            audience.send_board(viewer)
        else:
            viewer.close(TOO_MANY_CONNECTIONS)
        if self._shutdown_close is not None:
            viewer.close(self._shutdown_close)
        self._close_if_ended(viewer)
        viewer.start_reading(early)
        log.debug("viewer_joined", user=identity.user_id, viewers=len(self))

    def join_stream(
        self,
        sock: socket.socket,
        address: str,
        early: bytes,
        audience: Audience,
        head: bytes,
        known_version: int | None,
    ) -> None:
        """Take ownership of the socket of a stream; `head` is sent first.

        The board is not sent if the client knows this version. Like join(), it never yields.
        """
        # There is no pong to wait for, so the kernel ends a connection whose client has vanished:
        # later than a stalled one is closed, which has a reason.
        vanished_ms = round((2 * self._heartbeat_seconds + STALL_SECONDS) * 1000)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, vanished_ms)
        viewer = StreamViewer(sock, self, audience)
        self._add(viewer)
        # Before the first send: a viewer whose connection is broken leaves during it.
        if self._quota.acquire(None, address):
            viewer.quota_address = address
        viewer.send(head)
        if viewer.quota_address is None:
            viewer.close(TOO_MANY_CONNECTIONS)
        else:
            audience.send_board(viewer, known_version)
        if self._shutdown_close is not None:
            viewer.close(self._shutdown_close)
        viewer.start_reading(early)

    def _add(self, viewer: ViewerConnection) -> None:
        self._viewers[viewer] = None
        viewer.audience.add(viewer)
        VIEWERS.inc()

    def renew(self, viewer: Viewer, identity: Identity) -> None:
        """Replace the viewer's identity by that of a newer token of the same user."""
        viewer.identity = identity
        viewer.check_at = 0.0
        self._send_connected(viewer)
        self._close_if_ended(viewer)

    def end_sessions(self, ended: SessionsEnded) -> None:
        """Close the viewers of these sessions, also those whose handshake is in progress."""
        now = time.monotonic()
        for session_id in ended.session_ids:
            self._ended_sessions.setdefault(session_id, (now, ended))
        for viewer in tuple(self._by_user.get(ended.user_id, ())):
            self._close_if_ended(viewer)

    def forget_ended_sessions(self, now: float) -> None:
        """Forget sessions that ended too long ago for a handshake in progress to use them."""
        for session_id, (ended_at, _) in tuple(self._ended_sessions.items()):
            if now - ended_at > ENDED_SESSION_SECONDS:
                del self._ended_sessions[session_id]

    def send_to_all(self, event: EncodedEvent) -> None:
        """Send an event that must not be left out to all viewers."""
        for position, viewer in enumerate(self.viewers(), start=1):
            viewer.send_event(event)
            if position % VIEWERS_PER_TURN == 0:
                gevent.sleep(0)

    def close_all(self, kind: CloseKind, pause_seconds: float) -> None:
        """Close all viewers, a few at a time; from now on, close each viewer that joins.

        The pauses take at most `pause_seconds` in sum, however many viewers there are.
        """
        self._shutdown_close = kind
        pause = min(CLOSE_PAUSE_SECONDS, pause_seconds * CLOSES_PER_TURN / max(1, len(self)))
        for position, viewer in enumerate(self.viewers(), start=1):
            viewer.close(kind)
            if position % CLOSES_PER_TURN == 0:
                gevent.sleep(pause)

    def on_message(self, viewer: Viewer, text: str) -> None:
        """Pass on a viewer's text message."""
        self._on_message(self, viewer, text)

    def on_closed(self, viewer: ViewerConnection, code: int) -> None:
        """Remove a viewer whose socket was closed."""
        self._viewers.pop(viewer, None)
        viewer.audience.discard(viewer)
        VIEWERS.dec()
        user_id = viewer.identity.user_id if isinstance(viewer, Viewer) else None
        if viewer.quota_address is not None:
            self._quota.release(user_id, viewer.quota_address)
        if isinstance(viewer, Viewer):
            self._forget_user(viewer)
        log.debug("viewer_left", user=user_id, code=code, viewers=len(self))

    def _forget_user(self, viewer: Viewer) -> None:
        of_user = self._by_user[viewer.identity.user_id]
        of_user.discard(viewer)
        if not of_user:
            del self._by_user[viewer.identity.user_id]

    def _send_connected(self, viewer: Viewer) -> None:
        identity = viewer.identity
        expires_in = max(0, identity.expires_at - int(time.time()))
        watched = viewer.audience.watched
        connected = Connected(identity.user_id, self._heartbeat_seconds, expires_in, watched)
        viewer.send(frames.text(connected.dump()))

    def _close_if_ended(self, viewer: Viewer) -> None:
        if found := self._ended_sessions.get(viewer.identity.session_id):
            _, ended = found
            viewer.close(
                BANNED.with_ban(ended.ban) if ended.reason == "banned" else SESSION_REVOKED
            )
