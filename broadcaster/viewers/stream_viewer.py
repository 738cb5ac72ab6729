"""A viewer with an event stream (Server-Sent Events), which needs no account."""

from __future__ import annotations

import socket
import time

from app.contract.viewers.close_codes import LEFT, CloseKind
from broadcaster.metrics import VIEWERS_CLOSED
from broadcaster.viewers.connection import ViewerConnection
from broadcaster.viewers.encoded_event import EncodedEvent, Encoding

COMMENT = b":\n\n"
"""Tells proxies and the client that the stream is alive; clients ignore it."""


class StreamViewer(ViewerConnection):
    """Sends the events of one board in a reply that does not end, and comments between them."""

    __slots__ = ()
    encoding = Encoding.STREAM

    def close(self, kind: CloseKind) -> None:
        """Send the event `disconnect` and the end of the stream."""
        if self.close_by is not None:
            return
        VIEWERS_CLOSED.labels(kind.code, kind.reason).inc()
        self._start_closing(kind.code, _last_event(kind))
        if self._send_buffer is None:
            self._on_all_sent()

    def _receive(self, data: bytes) -> None:  # noqa: ARG002 - a stream takes no messages
        self.drop()

    def _on_end(self) -> None:
        if self.close_by is None:
            VIEWERS_CLOSED.labels(LEFT, "left").inc()
            self.close_by = time.monotonic()
        self.drop()

    def _on_all_sent(self) -> None:
        if self.close_by is None or self.closed:
            return
        try:
            # The client closes the connection when it has read all of it.
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.drop()


def _last_event(kind: CloseKind) -> bytes:
    event = kind.disconnect_event()
    encoded = EncodedEvent(event).bytes_for(Encoding.STREAM)
    delay_ms = event.reconnect_in_ms
    # A browser waits for this time before it connects again.
    return encoded if delay_ms is None else f"retry: {delay_ms}\n".encode() + encoded
