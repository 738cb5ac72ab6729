"""The connection of a viewer: what is sent to it, at once or later, and its end."""

from __future__ import annotations

import socket
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from gevent.hub import get_hub

from app.contract.viewers.close_codes import LOST, TOO_SLOW, CloseKind
from broadcaster.metrics import VIEWERS_CLOSED
from broadcaster.viewers.encoded_event import EncodedEvent, Encoding
from broadcaster.viewers.limits import ViewerLimits
from broadcaster.viewers.send_buffer import SendBuffer, SendBufferFull

if TYPE_CHECKING:
    from broadcaster.viewers.audience import Audience

READ_BYTES = 16 * 1024
STALL_SECONDS = 10.0
"""A viewer with unsent frames whose socket takes nothing for this time has stalled."""
CLOSE_SECONDS = 2.0
"""Time that a viewer has to read its close frame and to answer it."""
_READ, _WRITE = 1, 2


class ConnectionOwner(Protocol):
    """What a connection reports to; the hub implements it."""

    limits: ViewerLimits

    def on_message(self, viewer: Any, text: str) -> None:
        """The viewer sent a text message."""

    def on_closed(self, viewer: ViewerConnection, code: int) -> None:
        """The viewer's socket was closed."""


class ViewerConnection(ABC):
    """Runs only in the event loop and never blocks: it has no thread and no greenlet.

    A watcher of the event loop waits for what the viewer sends. A second watcher and a send
    buffer exist only while something is unsent. So an idle viewer takes little memory.
    Times are monotonic seconds.
    """

    __slots__ = (
        "_close_code",
        "_owner",
        "_read_watcher",
        "_send_buffer",
        "_socket",
        "_write_watcher",
        "audience",
        "check_at",
        "close_by",
        "descriptor",
        "ping_at",
        "progress_at",
        "quota_address",
    )
    encoding: ClassVar[Encoding]
    """How events are sent to it."""

    def __init__(self, sock: socket.socket, owner: ConnectionOwner, audience: Audience) -> None:
        self.audience = audience
        """The viewers of the board that this one watches; it has to be added to them."""
        self.descriptor = sock.fileno()
        """The socket's; still the same number after it was closed."""
        self.check_at = 0.0
        """When the heartbeat has to look at the viewer; 0.0: at its next sweep."""
        self.ping_at = 0.0
        self.progress_at = 0.0
        """When the socket last took something; meaningful only while something is unsent."""
        self.close_by: float | None = None
        """When the socket is closed at the latest; None until closing has started."""
        self.quota_address: str | None = None
        """The address that the viewer is counted for; None: it is not counted."""
        self._owner = owner
        self._socket = sock
        self._read_watcher = get_hub().loop.io(sock.fileno(), _READ)
        self._write_watcher: Any = None
        self._send_buffer: SendBuffer | None = None
        self._close_code = LOST

    @property
    def closed(self) -> bool:
        """Whether the socket is closed."""
        return self._socket.fileno() < 0

    @property
    def ready(self) -> bool:
        """Whether the viewer can take a board at once: nothing is unsent, and it is not closing."""
        return self._send_buffer is None and self.close_by is None

    def start_reading(self, early: bytes) -> None:
        """Start to read; `early` are bytes that arrived together with the handshake."""
        if self.closed:
            return
        self._read_watcher.start(self._on_readable)
        if early:
            self._receive(early)

    def send_board(self, frame: bytes) -> None:
        """Send a board, or keep it until the socket takes it or a newer board replaces it."""
        if self.close_by is None and (buffer := self._send_or_buffer(frame)) is not None:
            buffer.put_board(frame)

    def keep_board(self, frame: bytes, sent: int) -> None:
        """Keep what the socket did not take of a board; it took the first `sent` bytes."""
        if (buffer := self._buffer_rest(frame, sent)) is not None:
            buffer.put_board(frame)

    def send(self, frame: bytes) -> None:
        """Send a personal frame; a viewer that leaves too many of them unread is closed."""
        if self.close_by is not None or (buffer := self._send_or_buffer(frame)) is None:
            return
        try:
            buffer.put_personal(frame)
        except SendBufferFull:
            self.close(TOO_SLOW)

    def send_event(self, event: EncodedEvent) -> None:
        """Send an event that must not be left out, as send() does."""
        self.send(event.bytes_for(self.encoding))

    @abstractmethod
    def close(self, kind: CloseKind) -> None:
        """Send the reason, and close the socket when it was read, or after CLOSE_SECONDS."""

    @abstractmethod
    def _receive(self, data: bytes) -> None:
        """Handle bytes from the viewer."""

    @abstractmethod
    def _on_all_sent(self) -> None:
        """Nothing is unsent any more."""

    def drop(self) -> None:
        """Close the socket now."""
        if self.closed:
            return
        if self.close_by is None:
            VIEWERS_CLOSED.labels(LOST, "lost").inc()
        self.close_by = time.monotonic()
        self._read_watcher.close()
        self._stop_writing()
        self._socket.close()
        self._owner.on_closed(self, self._close_code)

    def stalled(self, now: float) -> bool:
        """Whether something is unsent and the socket took nothing for STALL_SECONDS."""
        return self._send_buffer is not None and now - self.progress_at >= STALL_SECONDS

    def _start_closing(self, code: int, last_frames: bytes) -> None:
        self._close_code = code
        self.close_by = time.monotonic() + CLOSE_SECONDS
        self.check_at = 0.0
        self.audience.on_ready_changed(self)
        if (buffer := self._send_or_buffer(last_frames)) is not None:
            buffer.put_close_frames(last_frames)

    def _send_or_buffer(self, frame: bytes) -> SendBuffer | None:
        """Send the frame; returns the buffer to put it into if nothing of it was sent."""
        if self._send_buffer is not None:
            return self._send_buffer
        sent = self._send_bytes(frame)
        return None if sent == len(frame) else self._buffer_rest(frame, sent)

    def _buffer_rest(self, frame: bytes, sent: int) -> SendBuffer | None:
        buffer = self._start_writing()
        if sent == 0:
            return buffer
        buffer.put_partial(frame[sent:])
        return None

    def _send_bytes(self, data: bytes) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            # The connection is broken, so the frame can never be sent.
            self.drop()
            return len(data)

    def _start_writing(self) -> SendBuffer:
        self._send_buffer = SendBuffer()
        self.progress_at = time.monotonic()
        self.check_at = 0.0
        self._write_watcher = get_hub().loop.io(self._socket.fileno(), _WRITE)
        self._write_watcher.start(self._on_writable)
        self.audience.on_ready_changed(self)
        return self._send_buffer

    def _stop_writing(self) -> None:
        self._send_buffer = None
        if self._write_watcher is not None:
            self._write_watcher.close()
            self._write_watcher = None

    def _on_writable(self) -> None:
        started, buffer = time.thread_time(), self._send_buffer
        if buffer is not None and buffer.flush(self._send_bytes):
            self.progress_at = time.monotonic()
            if buffer.empty:
                self._stop_writing()
                if self.ready:
                    self.audience.on_ready_changed(self)
                self._on_all_sent()
        self.audience.on_sent_late(time.thread_time() - started)

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
            self._on_end()

    def _on_end(self) -> None:
        """The viewer has closed the connection, or it is broken."""
        self.drop()
