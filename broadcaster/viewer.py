"""One viewer: a socket, what it did not take yet, and what it sends."""

from __future__ import annotations

import socket
import time
from typing import Any, Protocol

import structlog
from gevent.hub import get_hub
from wsproto.events import CloseConnection, Event, Ping, TextMessage

from app.contract.identity import Identity
from broadcaster import frames
from broadcaster.close_codes import DROPPED, LEFT, TOO_MANY_MESSAGES, TOO_SLOW, Closing
from broadcaster.inbox import Inbox, ProtocolViolated
from broadcaster.limits import RateExceeded, ViewerLimits
from broadcaster.metrics import LIMIT_HITS, VIEWERS_CLOSED
from broadcaster.outbox import Outbox, OutboxFull

READ_BYTES = 16 * 1024
STALL_SECONDS = 10.0
GRACE_SECONDS = 2.0
"""How long after its close frame a viewer may take to read it and to answer."""
_READ, _WRITE = 1, 2

log = structlog.stdlib.get_logger(__name__)


class Audience(Protocol):
    """Whom a viewer belongs to."""

    limits: ViewerLimits

    def heard(self, viewer: Viewer, message: str) -> None:
        """A whole text message came."""

    def sent_late(self, seconds: float) -> None:
        """Something that waited was sent, at so many seconds of CPU."""

    def left(self, viewer: Viewer, code: int) -> None:
        """The viewer's socket is closed."""


class Viewer:
    """Runs in the event loop alone and never blocks: it has no thread and no greenlet.

    A watcher waits for what it sends; a second one, and an outbox, exist only while something is
    unsent, and an inbox only while a message is half read. So an idle viewer costs next to nothing.
    Times are monotonic seconds.
    """

    __slots__ = (
        "_audience",
        "_code",
        "_deaf",
        "_finish",
        "_frames_paid_until",
        "_inbox",
        "_outbox",
        "_reader",
        "_socket",
        "_writer",
        "close_by",
        "heard_at",
        "identity",
        "ping_at",
        "pinged",
        "place",
        "progress_at",
    )

    def __init__(self, sock: socket.socket, identity: Identity, audience: Audience) -> None:
        self.identity = identity
        self.heard_at = time.monotonic()
        self.ping_at = 0.0
        self.pinged = False
        self.progress_at = 0.0
        """When the socket last took something; counts only while something is unsent."""
        self.close_by: float | None = None
        """Set once it is closing or closed: when the socket goes at the latest."""
        self.place: str | None = None
        """The address among whose viewers it counts; None: it got no place."""
        self._audience = audience
        self._socket = sock
        self._reader = get_hub().loop.io(sock.fileno(), _READ)
        self._writer: Any = None
        self._outbox: Outbox | None = None
        self._inbox: Inbox | None = None
        self._code = DROPPED
        self._deaf = False
        self._finish = False
        self._frames_paid_until = 0.0

    @property
    def gone(self) -> bool:
        """Whether the socket is closed."""
        return self._socket.fileno() < 0

    def listen(self, early: bytes) -> None:
        """Begin to read; `early` came right behind the handshake."""
        if self.gone:
            return
        self._reader.start(self._on_readable)
        if early:
            self._receive(early)

    def show(self, frame: bytes) -> None:
        """Send a board, or keep it until the socket takes it or a newer one comes."""
        if self.close_by is None and (waiting := self._deliver(frame)) is not None:
            waiting.put_board(frame)

    def tell(self, frame: bytes) -> None:
        """Send a frame meant for this viewer; one that leaves too many unread is too slow."""
        if self.close_by is not None or (waiting := self._deliver(frame)) is None:
            return
        try:
            waiting.put_personal(frame)
        except OutboxFull:
            self.close(TOO_SLOW)

    def close(self, closing: Closing) -> None:
        """Say why and close; the socket goes when the viewer answered, or after the grace."""
        if self.close_by is None:
            VIEWERS_CLOSED.labels(closing.code, closing.reason).inc()
            self._begin_to_close(closing.code, closing.last_words())

    def drop(self) -> None:
        """Close the socket now."""
        if self.gone:
            return
        if self.close_by is None:
            VIEWERS_CLOSED.labels(DROPPED, "lost").inc()
        self.close_by = time.monotonic()
        self._reader.close()
        self._stop_writing()
        self._socket.close()
        self._audience.left(self, self._code)

    def stalled(self, now: float) -> bool:
        """Whether something is unsent and the socket took nothing for STALL_SECONDS."""
        return self._outbox is not None and now - self.progress_at >= STALL_SECONDS

    def _begin_to_close(self, code: int, last_words: bytes) -> None:
        log.debug("viewer_closing", user=self.identity.user_id, code=code)
        self._code = code
        self.close_by = time.monotonic() + GRACE_SECONDS
        if (waiting := self._deliver(last_words)) is not None:
            waiting.put_last_words(last_words)

    def _deliver(self, frame: bytes) -> Outbox | None:
        """Send the frame; the outbox for it to wait in, where nothing of it could be sent."""
        if self._outbox is not None:
            return self._outbox
        sent = self._send(frame)
        if sent == len(frame):
            return None
        outbox = self._wait_until_writable()
        if sent == 0:
            return outbox
        outbox.put_begun(frame[sent:])
        return None

    def _send(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            # The peer is gone; what was to be said counts as said.
            self.drop()
            return len(data)

    def _wait_until_writable(self) -> Outbox:
        self._outbox = Outbox()
        self.progress_at = time.monotonic()
        self._writer = get_hub().loop.io(self._socket.fileno(), _WRITE)
        self._writer.start(self._on_writable)
        return self._outbox

    def _stop_writing(self) -> None:
        self._outbox = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _on_writable(self) -> None:
        begun, outbox = time.thread_time(), self._outbox
        if outbox is not None and outbox.flush(self._send):
            self.progress_at = time.monotonic()
            if outbox.empty:
                self._stop_writing()
                self._drop_if_finished()
        self._audience.sent_late(time.thread_time() - begun)

    def _on_readable(self) -> None:
        try:
            data = self._socket.recv(READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receive(data)
        else:
            self.drop()

    def _receive(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        self.pinged = False
        if self._deaf:
            return
        inbox = self._inbox or Inbox(self._audience.limits.message_bytes)
        try:
            for event in inbox.receive(data):
                self._pay_for_frame()
                self._take(event)
        except ProtocolViolated as violation:
            # What follows can't be read, but has to be taken from the socket all the same:
            # closing with something unread would reset the connection and lose the close frame.
            self._deaf = True
            self._inbox = None
            self.close(violation.closing)
        else:
            self._inbox = None if inbox.idle else inbox

    def _pay_for_frame(self) -> None:
        try:
            paid_until = self._audience.limits.frames.charge(self._frames_paid_until, self.heard_at)
        except RateExceeded:
            LIMIT_HITS.labels("messages_per_second").inc()
            raise ProtocolViolated(TOO_MANY_MESSAGES) from None
        self._frames_paid_until = paid_until

    def _take(self, event: Event | None) -> None:
        if isinstance(event, CloseConnection):
            self._deaf = True
            self._finish = True
            if self.close_by is None:
                VIEWERS_CLOSED.labels(LEFT, "left").inc()
                answer = frames.close(event.code, event.reason or "")
                self._begin_to_close(event.code, answer)
            self._drop_if_finished()
        elif self.close_by is not None:
            return
        elif isinstance(event, TextMessage):
            self._audience.heard(self, event.data)
        elif isinstance(event, Ping):
            self.tell(frames.pong(bytes(event.payload)))

    def _drop_if_finished(self) -> None:
        if self._finish and self._outbox is None:
            self.drop()
