"""Parses what a viewer receives, as cheaply as possible: whole frames, and board versions.

The kinds of viewers are `websocket`, `deflated` (with permessage-deflate) and `stream`.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

KINDS = ("websocket", "deflated", "stream")
PING, CLOSE = 0x89, 0x88
_DEFLATED = 0xC1
PONG = b"\x8a\x80\x00\x00\x00\x00"
"""Masked by zeros, because a client's frame has to be masked."""
_VERSION = re.compile(rb'"version":(\d+)')
_EVENT_ID = re.compile(rb"id: (\d+)")
_TWO_BYTE_LENGTH = 126
_MIN_FRAME_BYTES = 2


def split_received(kind: str, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Frames as split_frames() gives them; the events of a stream likewise, after the byte 1."""
    return split_events(data) if kind == "stream" else split_frames(data)


def split_events(data: bytes) -> Iterator[tuple[int, bytes]]:
    """1 and all bytes of each whole event of a stream; last 0 and the rest of `data`."""
    *events, rest = data.split(b"\n\n")
    for event in events:
        yield 1, event + b"\n\n"
    yield 0, rest


def split_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The first byte and all bytes of each whole frame; last 0 and the rest of `data`."""
    start = 0
    while len(data) - start >= _MIN_FRAME_BYTES:
        length, head = data[start + 1], 2
        if length == _TWO_BYTE_LENGTH:
            length, head = int.from_bytes(data[start + 2 : start + 4]), 4
        end = start + head + length
        if end > len(data):
            break
        yield data[start], data[start:end]
        start = end
    yield 0, data[start:]


def board_version(frame: bytes) -> int | None:
    """The version of a board, of any kind of viewer; None for another event."""
    if found := _EVENT_ID.match(frame):
        return int(found[1])
    if frame[0] == _DEFLATED:
        head = 4 if frame[1] == _TWO_BYTE_LENGTH else 2
        inflated = zlib.decompressobj(-15).decompress(frame[head:] + b"\x00\x00\xff\xff")
        return board_version(b"...." + inflated)
    if b'"leaderboard_update"' not in frame[:40]:
        return None
    found = _VERSION.search(frame)
    return int(found[1]) if found else None
