"""A viewer with a WebSocket: its identity, the messages that it sends, and its close."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import structlog
from wsproto.events import CloseConnection, Event, Ping, TextMessage

from app.contract.identity import Identity
from app.contract.viewers.close_codes import LEFT, CloseKind
from broadcaster.metrics import VIEWERS_CLOSED
from broadcaster.viewers.connection import ConnectionOwner, ViewerConnection
from broadcaster.viewers.encoded_event import Encoding
from broadcaster.viewers.websocket import frames
from broadcaster.viewers.websocket.close_frames import close_frames
from broadcaster.viewers.websocket.frame_reader import ProtocolViolated
from broadcaster.viewers.websocket.message_receiver import MessageReceiver

if TYPE_CHECKING:
    from broadcaster.viewers.audience import Audience

log = structlog.stdlib.get_logger(__name__)


class Viewer(ViewerConnection):
    """A holder of a token that watches a board over a WebSocket."""

    __slots__ = (
        "_close_received",
        "_receiver",
        "identity",
        "pinged",
        "received_at",
    )
    encoding = Encoding.WEBSOCKET

    def __init__(
        self, sock: socket.socket, identity: Identity, owner: ConnectionOwner, audience: Audience
    ) -> None:
        super().__init__(sock, owner, audience)
        self.identity = identity
        self.received_at = time.monotonic()
        self.pinged = False
        inflates = self.encoding is Encoding.DEFLATED
        self._receiver = MessageReceiver(owner.limits, inflates=inflates)
        self._close_received = False

    def close(self, kind: CloseKind) -> None:
        """Send the reason and a close frame.

        The socket is closed when the viewer has answered, or after CLOSE_SECONDS.
        """
        if self.close_by is None:
            VIEWERS_CLOSED.labels(kind.code, kind.reason).inc()
            log.debug("viewer_closing", user=self.identity.user_id, code=kind.code)
            self._start_closing(kind.code, close_frames(kind))

    def _receive(self, data: bytes) -> None:
        # Also reads what the receiver ignores: closing a socket with unread bytes would reset
        # the connection, and the viewer would lose its close frame.
        self.received_at = time.monotonic()
        self.pinged = False
        try:
            for event in self._receiver.receive(data, self.received_at):
                self._handle(event)
        except ProtocolViolated as violation:
            self.close(violation.close_kind)

    def _handle(self, event: Event) -> None:
        if isinstance(event, CloseConnection):
            self._receiver.stop()
            self._close_received = True
            if self.close_by is None:
                VIEWERS_CLOSED.labels(LEFT, "left").inc()
                answer = frames.close(event.code, event.reason or "")
                self._start_closing(event.code, answer)
            self._on_all_sent()
        elif self.close_by is not None:
            return
        elif isinstance(event, TextMessage):
            self._owner.on_message(self, event.data)
        elif isinstance(event, Ping):
            self.send(frames.pong(bytes(event.payload)))

    def _on_all_sent(self) -> None:
        if self._close_received and self._send_buffer is None:
            self.drop()


class DeflatingViewer(Viewer):
    """A viewer that negotiated permessage-deflate.

    Boards are sent to it compressed. Its personal frames are not: the extension allows both, and
    they would have to be compressed for each viewer.
    """

    __slots__ = ()
    encoding = Encoding.DEFLATED
