"""What comes from a viewer: frames read by wsproto, put together, checked and bounded."""

from __future__ import annotations

from collections.abc import Iterator

from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.frame_protocol import CloseReason, Frame, FrameProtocol, Opcode, ParseFailed

from broadcaster.close_codes import (
    INVALID_TEXT,
    MESSAGE_TOO_BIG,
    NONSENSE,
    PROTOCOL_ERROR,
    Closing,
)
from broadcaster.metrics import LIMIT_HITS


class ProtocolViolated(Exception):
    """The viewer sent what can't be read further; `closing` is the answer."""

    def __init__(self, closing: Closing) -> None:
        super().__init__(closing.reason)
        self.closing = closing


class _Frames(FrameProtocol):
    @property
    def between_messages(self) -> bool:
        """Whether nothing is half read: no header, no payload, no unfinished message."""
        decoder = self._frame_decoder
        return (
            decoder.header is None
            and not len(decoder.buffer)
            and self._message_decoder.opcode is None
        )

    @property
    def announced(self) -> int:
        """Bytes that the frame whose head was read says it has; 0 between frames."""
        header = self._frame_decoder.header
        return 0 if header is None else int(header.payload_len)


class Inbox:
    """Reads one viewer's bytes; needed only while a message is incomplete."""

    __slots__ = ("_bytes", "_frames", "_limit", "_text")

    def __init__(self, message_bytes: int) -> None:
        self._limit = message_bytes
        self._frames = _Frames(client=False, extensions=[])
        self._text = ""
        self._bytes = 0

    @property
    def idle(self) -> bool:
        """Whether this inbox remembers nothing, so that a new one would do as well."""
        return self._frames.between_messages

    def receive(self, data: bytes) -> Iterator[Event | None]:
        """For each frame that `data` ends: the message that it completes, or None.

        Raises ProtocolViolated, after which this inbox must not be used again.
        """
        self._frames.receive_bytes(data)
        try:
            for frame in self._frames.received_frames():
                event = self._take(frame)
                if frame.frame_finished:
                    yield event
            if self._frames.announced > self._limit:
                # Nobody waits for 8 exabytes.
                raise ProtocolViolated(MESSAGE_TOO_BIG)
        except ParseFailed as failure:
            invalid = failure.code is CloseReason.INVALID_FRAME_PAYLOAD_DATA
            raise ProtocolViolated(INVALID_TEXT if invalid else PROTOCOL_ERROR) from None

    def _take(self, frame: Frame) -> Event | None:
        payload = frame.payload
        if frame.opcode is Opcode.TEXT and isinstance(payload, str):
            return self._append(payload, finished=frame.message_finished)
        if frame.opcode is Opcode.PING and isinstance(payload, bytes):
            return Ping(payload)
        if frame.opcode is Opcode.CLOSE and isinstance(payload, tuple):
            return CloseConnection(*payload)
        if frame.opcode is Opcode.PONG:
            return Pong()
        # Nothing in the contract is binary.
        raise ProtocolViolated(NONSENSE)

    def _append(self, piece: str, *, finished: bool) -> TextMessage | None:
        self._bytes += len(piece.encode())
        if self._bytes > self._limit:
            LIMIT_HITS.labels("max_message_bytes").inc()
            raise ProtocolViolated(MESSAGE_TOO_BIG)
        self._text += piece
        if not finished:
            return None
        message = TextMessage(self._text)
        self._text, self._bytes = "", 0
        return message
