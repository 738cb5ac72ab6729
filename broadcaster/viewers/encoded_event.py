"""An event in the bytes of each kind of connection, encoded once for all viewers."""

from __future__ import annotations

from enum import Enum

from app.contract.events import ViewerEvent
from broadcaster.viewers.websocket import frames


class Encoding(Enum):
    """How an event is written to a socket."""

    WEBSOCKET = 0
    DEFLATED = 1
    """A WebSocket with permessage-deflate."""
    STREAM = 2


class EncodedEvent:
    """Encodes an event at the first request for each encoding.

    `version` is that of a board, and becomes the id of the event in streams.
    """

    def __init__(self, event: ViewerEvent, version: int | None = None) -> None:
        self.version = version
        self._name = event.name
        self._data = event.dump_data()
        self._encoded: dict[Encoding, bytes] = {}

    def bytes_for(self, encoding: Encoding) -> bytes:
        """The bytes to send to a viewer with this encoding."""
        if encoding not in self._encoded:
            self._encoded[encoding] = self._encode(encoding)
        return self._encoded[encoding]

    def _encode(self, encoding: Encoding) -> bytes:
        if encoding is Encoding.STREAM:
            # The JSON has no line breaks, so it is one line of data (HTML, section 9.2.6).
            number = "" if self.version is None else f"id: {self.version}\n"
            return f"{number}event: {self._name}\ndata: {self._data}\n\n".encode()
        text = f'{{"event":"{self._name}","data":{self._data}}}'
        return frames.deflated_text(text) if encoding is Encoding.DEFLATED else frames.text(text)
