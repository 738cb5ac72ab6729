"""Reads the frames that a viewer sends: parses them with wsproto and limits their size."""

from __future__ import annotations

from collections.abc import Iterator

from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from app.contract.viewers.close_codes import (
    BINARY_MESSAGE,
    INVALID_TEXT,
    MESSAGE_TOO_BIG,
    PROTOCOL_ERROR,
    CloseKind,
)
from broadcaster.metrics import LIMIT_HITS
from broadcaster.viewers.websocket.bounded_inflate import BoundedInflate


class ProtocolViolated(Exception):
    """Nothing more can be read from the viewer; the caller must close it with `close_kind`."""

    def __init__(self, close_kind: CloseKind) -> None:
        super().__init__(close_kind.reason)
        self.close_kind = close_kind


class _Frames(FrameProtocol):
    """wsproto's parser, with two properties that need its protected attributes."""

    @property
    def between_messages(self) -> bool:
        """Whether no header, payload or fragmented message is incomplete."""
        decoder = self._frame_decoder
        return (
            decoder.header is None
            and not len(decoder.buffer)
            and self._message_decoder.opcode is None
        )

    @property
    def announced_bytes(self) -> int:
        """The payload length in the header of an incomplete frame; 0 between frames."""
        header = self._frame_decoder.header
        return 0 if header is None else int(header.payload_len)


class FrameReader:
    """Reads one viewer's bytes; needed only while a message is incomplete."""

    __slots__ = ("_frames", "_max_message_bytes", "_message_bytes", "_text")

    def __init__(self, max_message_bytes: int, *, inflates: bool) -> None:
        """`inflates`: the viewer may compress messages; the limit applies to the inflated ones."""
        self._max_message_bytes = max_message_bytes
        extensions: list[Extension] = [BoundedInflate(max_message_bytes)] if inflates else []
        self._frames = _Frames(client=False, extensions=extensions)
        self._text = ""
        self._message_bytes = 0

    @property
    def between_messages(self) -> bool:
        """Whether no message is incomplete, so that this reader can be discarded."""
        return self._frames.between_messages

    def read(self, data: bytes) -> Iterator[Event | None]:
        """One item for each frame that `data` completes, so that the caller can count frames.

        The item is the control frame, or the text message that the frame completes. It is None for
        an earlier frame of a message. Raises ProtocolViolated, after which this reader must not be
        used again.
        """
        self._frames.receive_bytes(data)
        try:
            for frame in self._frames.received_frames():
                event = self._event(frame)
                if frame.frame_finished:
                    yield event
            if self._frames.announced_bytes > self._max_message_bytes:
                # Refused at its header, because the rest of the frame may never come.
                raise ProtocolViolated(MESSAGE_TOO_BIG)
        except ParseFailed as failure:
            if failure.code is CloseReason.MESSAGE_TOO_BIG:
                LIMIT_HITS.labels("max_message_bytes").inc()
                raise ProtocolViolated(MESSAGE_TOO_BIG) from None
            invalid = failure.code is CloseReason.INVALID_FRAME_PAYLOAD_DATA
            raise ProtocolViolated(INVALID_TEXT if invalid else PROTOCOL_ERROR) from None

    def _event(self, frame: Frame) -> Event | None:
        payload = frame.payload
        if frame.opcode is Opcode.TEXT and isinstance(payload, str):
            return self._append(payload, finished=frame.message_finished)
        if frame.opcode is Opcode.PING and isinstance(payload, bytes):
            return Ping(payload)
        if frame.opcode is Opcode.CLOSE and isinstance(payload, tuple):
            return CloseConnection(*payload)
        if frame.opcode is Opcode.PONG:
            return Pong()
        # The contract has no binary messages.
        raise ProtocolViolated(BINARY_MESSAGE)

    def _append(self, fragment: str, *, finished: bool) -> TextMessage | None:
        self._message_bytes += len(fragment.encode())
        if self._message_bytes > self._max_message_bytes:
            LIMIT_HITS.labels("max_message_bytes").inc()
            raise ProtocolViolated(MESSAGE_TOO_BIG)
        self._text += fragment
        if not finished:
            return None
        message = TextMessage(self._text)
        self._text, self._message_bytes = "", 0
        return message
