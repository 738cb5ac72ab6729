"""Parses what a viewer receives, as cheaply as possible: whole frames, and board versions."""

from __future__ import annotations

import re
from collections.abc import Iterator

BOARD, PING, CLOSE = 0x81, 0x89, 0x88
PONG = b"\x8a\x80\x00\x00\x00\x00"
"""Masked by zeros, because a client's frame has to be masked."""
_VERSION = re.compile(rb'"version":(\d+)')
_TWO_BYTE_LENGTH = 126
_MIN_FRAME_BYTES = 2


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
    """The version of a board; None for another event."""
    if b'"leaderboard_update"' not in frame[:40]:
        return None
    found = _VERSION.search(frame)
    return int(found[1]) if found else None
