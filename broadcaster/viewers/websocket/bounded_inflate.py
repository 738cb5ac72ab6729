"""Inflates compressed messages of a viewer within a limit (RFC 7692, section 7.2.2)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Opcode, RsvBits

if TYPE_CHECKING:
    from wsproto.frame_protocol import FrameDecoder, FrameProtocol

_MAX_WINDOW_BITS = 15
_END_OF_MESSAGE = b"\x00\x00\xff\xff"


class BoundedInflate(Extension):
    """permessage-deflate without context takeover, for what is received.

    Each message begins with an empty window. A message that would become larger than `max_bytes`
    is refused before it is inflated further, so that a few bytes can't fill the memory.
    """

    name = "permessage-deflate"

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._left = 0
        self._decompressor: zlib._Decompress | None = None
        self._in_message = False

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool | str:
        return False

    def frame_inbound_header(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002 - wsproto's signature
        opcode: Opcode,
        rsv: RsvBits,
        payload_length: int,  # noqa: ARG002
    ) -> CloseReason | RsvBits:
        """Called once or more for each frame, until its header is complete."""
        self._in_message = not opcode.iscontrol()
        begins = self._in_message and opcode is not Opcode.CONTINUATION
        if rsv.rsv1 and not begins:
            return CloseReason.PROTOCOL_ERROR
        if begins:
            self._decompressor = zlib.decompressobj(-_MAX_WINDOW_BITS) if rsv.rsv1 else None
            self._left = self._max_bytes
        return RsvBits(True, False, False)

    def frame_inbound_payload_data(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002
        data: bytes,
    ) -> bytes | CloseReason:
        return self._inflate(data) if self._in_message and self._decompressor else data

    def frame_inbound_complete(
        self,
        proto: FrameDecoder | FrameProtocol,  # noqa: ARG002
        fin: bool,
    ) -> bytes | CloseReason | None:
        if not fin or not self._in_message or self._decompressor is None:
            return None
        return self._inflate(_END_OF_MESSAGE)

    def _inflate(self, data: bytes) -> bytes | CloseReason:
        decompressor = self._decompressor
        assert decompressor is not None
        try:
            inflated = decompressor.decompress(data, self._left + 1)
        except zlib.error:
            return CloseReason.INVALID_FRAME_PAYLOAD_DATA
        self._left -= len(inflated)
        if self._left < 0 or decompressor.unconsumed_tail:
            return CloseReason.MESSAGE_TOO_BIG
        return inflated
