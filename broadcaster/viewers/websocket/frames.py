"""Builds the WebSocket frames that the server sends: whole, unmasked, without extensions."""

from __future__ import annotations

from wsproto.frame_protocol import FrameProtocol

# Whole messages leave no state in it, so one instance serves all viewers.
_protocol = FrameProtocol(client=False, extensions=[])

PING = bytes(_protocol.ping())


def text(payload: str) -> bytes:
    """A text message in one frame."""
    return bytes(_protocol.send_data(payload, fin=True))


def pong(payload: bytes) -> bytes:
    """The answer to a ping frame with this payload."""
    return bytes(_protocol.pong(payload))


def close(code: int, reason: str) -> bytes:
    """A close frame; a code that must not be sent becomes 1000 (RFC 6455, section 7.4.1)."""
    return bytes(_protocol.close(code, reason))
