"""Builds the WebSocket frames that the server sends: whole and unmasked."""

from __future__ import annotations

import struct
import zlib

from wsproto.frame_protocol import FrameProtocol

WINDOW_BITS = 12
"""The window of compression: 4 kB, more than a usual board, so a larger one saves nothing."""
_COMPRESSED_TEXT = 0xC1
"""The last frame of a message, text, with the bit of permessage-deflate."""
_MAX_SHORT, _MAX_MEDIUM = 125, 0xFFFF

# Whole messages leave no state in it, so one instance serves all viewers.
_protocol = FrameProtocol(client=False, extensions=[])

PING = bytes(_protocol.ping())


def text(payload: str) -> bytes:
    """A text message in one frame."""
    return bytes(_protocol.send_data(payload, fin=True))


def deflated_text(payload: str) -> bytes:
    """The same message compressed without context takeover (RFC 7692, section 7.2.1).

    It depends on no other message, so its bytes are the same for all viewers.
    """
    compressor = zlib.compressobj(wbits=-WINDOW_BITS)
    data = compressor.compress(payload.encode()) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return _header(len(data) - 4) + data[:-4]


def _header(length: int) -> bytes:
    if length <= _MAX_SHORT:
        return bytes((_COMPRESSED_TEXT, length))
    if length <= _MAX_MEDIUM:
        return struct.pack("!BBH", _COMPRESSED_TEXT, _MAX_SHORT + 1, length)
    return struct.pack("!BBQ", _COMPRESSED_TEXT, _MAX_SHORT + 2, length)


def pong(payload: bytes) -> bytes:
    """The answer to a ping frame with this payload."""
    return bytes(_protocol.pong(payload))


def close(code: int, reason: str) -> bytes:
    """A close frame; a code that must not be sent becomes 1000 (RFC 6455, section 7.4.1)."""
    return bytes(_protocol.close(code, reason))
