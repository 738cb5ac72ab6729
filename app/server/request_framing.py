"""Whether all of an HTTP request was received, judged by its framing (RFC 9112, section 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from app.contract.limits import MAX_BODY_BYTES
from app.server.route_table import RouteTable

MAX_HEAD_BYTES = 32 * 1024
"""The longest request line and headers together; gunicorn's own limits are smaller."""
MAX_HEADERS = 100
"""gunicorn refuses a request with more (431)."""
CHUNKING_FACTOR = 4
"""The longest chunked body is this many times the longest body: it has lines between chunks."""
MAX_CHUNK_LINE_BYTES = 256
"""The longest line before a chunk: its size, and extensions, which this server ignores."""
_HEAD_LINES = MAX_HEADERS + 2
"""The headers, the request line, and an empty line before it (RFC 9112, section 2.2)."""
_HEX_DIGITS = re.compile(rb"[0-9a-fA-F]+")


class Progress(Enum):
    """What to do with a request."""

    PARTIAL = auto()
    """Wait for the rest."""
    COMPLETE = auto()
    """Answer it."""
    REJECT = auto()
    """Enough was received to refuse the request: answer it and close the connection."""
    HEAD_TOO_LONG = auto()
    """Answer 431 and close the connection."""


@dataclass
class RequestFraming:
    """Follows one request while it arrives.

    The work is linear in the number of bytes: no byte is searched again when more arrive, and each
    line is bounded. It runs in the event loop, where a slow search would stop all connections.
    """

    body_limits: RouteTable[int] = field(default_factory=lambda: RouteTable({}))
    """In bytes, of the routes that accept more than MAX_BODY_BYTES."""
    expects_continue: bool = False
    """Whether the client waits for a 100 before it sends the body (RFC 9110, section 10.1.1)."""
    _read_bytes: int = MAX_BODY_BYTES + 1
    """What the app reads of the body: one byte more than the route accepts."""
    _body: int = 0
    """Where the body begins; 0 while the head is incomplete."""
    _length: int | None = 0
    """The body's length; None if it is chunked."""
    _data: int = 0
    """Bytes of data in the chunks so far."""
    _position: int = 0
    """Up to here the bytes need not be looked at again."""
    _in_trailers: bool = False

    def progress(self, received: bytes) -> Progress:
        """What to do, given all bytes received so far; they may include some of the next request.

        Call it again only after PARTIAL. A malformed request is COMPLETE or REJECT: gunicorn's
        parser refuses it.
        """
        if not self._body:
            progress = self._read_head(received)
            if progress is not None:
                return progress
        if self._length is None:
            return self._read_chunks(received)
        if self._length > self._read_bytes:
            return Progress.REJECT
        complete = len(received) - self._body >= self._length
        return Progress.COMPLETE if complete else Progress.PARTIAL

    def _read_head(self, received: bytes) -> Progress | None:
        """None if the head is complete."""
        end = received.find(b"\r\n\r\n", self._position, MAX_HEAD_BYTES + 4)
        if end < 0:
            # The last three bytes may be the beginning of the empty line.
            self._position = max(0, len(received) - 3)
            too_long = len(received) > MAX_HEAD_BYTES
            return Progress.HEAD_TOO_LONG if too_long else Progress.PARTIAL
        lines = received[:end].split(b"\r\n", _HEAD_LINES)
        if len(lines) > _HEAD_LINES:
            return Progress.REJECT
        self._body = self._position = end + 4
        self._read_bytes = (self.body_limits.find(received) or MAX_BODY_BYTES) + 1
        for line in lines:
            self._read_header(line)
        return None

    def _read_header(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.strip(b" \t")
        match name.rstrip(b" \t").lower():
            case b"transfer-encoding":
                if value.rpartition(b",")[2].strip(b" \t").lower() == b"chunked":
                    self._length = None
            case b"content-length":
                if self._length is not None and value.isdigit():
                    # Python refuses to convert thousands of digits.
                    self._length = max(self._length, int(value[:20]))
            case b"expect":
                self.expects_continue = value.lower() == b"100-continue"

    def _read_chunks(self, received: bytes) -> Progress:
        # RFC 9112, section 7.1: chunks, an empty one, trailers, an empty line.
        if len(received) - self._body > CHUNKING_FACTOR * (self._read_bytes - 1):
            return Progress.REJECT
        progress = None
        while progress is None:
            find = self._find_trailers_end if self._in_trailers else self._read_chunk
            progress = find(received)
        return progress

    def _read_chunk(self, received: bytes) -> Progress | None:
        """None if the chunk is complete, and then the next one or the trailers follow."""
        start = self._position
        end = received.find(b"\r\n", start, start + MAX_CHUNK_LINE_BYTES)
        if end < 0:
            return _judge_partial_line(received[start : start + MAX_CHUNK_LINE_BYTES])
        size = _chunk_size(received[start:end])
        if size is None:
            return Progress.REJECT
        if size == 0:
            # The line's own end may be followed by the empty line at once.
            self._position, self._in_trailers = end, True
            return None
        data, data_end = end + 2, end + 2 + size
        too_long = self._data + min(size, len(received) - data) >= self._read_bytes
        if too_long or not b"\r\n".startswith(received[data_end : data_end + 2]):
            return Progress.REJECT
        if len(received) < data_end + 2:
            return Progress.PARTIAL
        self._data += size
        self._position = data_end + 2
        return None

    def _find_trailers_end(self, received: bytes) -> Progress:
        if received.find(b"\r\n\r\n", self._position) >= 0:
            return Progress.COMPLETE
        self._position = max(self._position, len(received) - 3)
        return Progress.PARTIAL


def _judge_partial_line(line: bytes) -> Progress:
    """Whether a line before a chunk that has no end yet may still become a valid one."""
    valid = _chunk_size(line) is not None or line in {b"", b"\r"}
    return Progress.PARTIAL if valid and len(line) < MAX_CHUNK_LINE_BYTES else Progress.REJECT


def _chunk_size(line: bytes) -> int | None:
    """The size in the line before a chunk, or in the beginning of it; None if it is malformed."""
    digits, _, extensions = line.removesuffix(b"\r").partition(b";")
    digits = digits.rstrip(b" \t")
    if b"\n" in extensions or b"\r" in extensions or not _HEX_DIGITS.fullmatch(digits):
        return None
    return int(digits, 16)
