"""What a viewer reads of its WebSocket, as cheaply as can be: whole frames, and their versions."""

from __future__ import annotations

import re
from collections.abc import Iterator

BOARD, PING, CLOSE = 0x81, 0x89, 0x88
PONG = b"\x8a\x80\x00\x00\x00\x00"
"""Masked by zeros, as a client's frame has to be."""
_VERSION = re.compile(rb'"version":(\d+)')
_LONG = 126
_SHORTEST = 2


def frames_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """First byte and whole bytes of each frame; at last 0 and what is left of a begun one."""
    start = 0
    while len(data) - start >= _SHORTEST:
        length, head = data[start + 1], 2
        if length == _LONG:
            length, head = int.from_bytes(data[start + 2 : start + 4]), 4
        end = start + head + length
        if end > len(data):
            break
        yield data[start], data[start:end]
        start = end
    yield 0, data[start:]


def version_in(frame: bytes) -> int | None:
    """The version of a board; None for another event."""
    if b'"leaderboard_update"' not in frame[:40]:
        return None
    found = _VERSION.search(frame)
    return int(found[1]) if found else None
