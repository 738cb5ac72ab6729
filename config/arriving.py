"""Whether all of an HTTP request has come, judged without understanding more of it than that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

HEAD_BYTES = 32 * 1024
"""For a request line and all headers; gunicorn's own limits hold within."""
LONGEST_BODY = 16 * 1024 + 1
"""What the app reads of a body: one byte more than it lets pass."""
CHUNKED_BYTES = 64 * 1024
"""For a body in chunks as it is sent, with what says how long they are."""
_FRAMING = re.compile(
    rb"^(content-length|transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*)", re.I | re.M
)
_NUMBER = re.compile(rb"[0-9]+[ \t]*")
_CHUNKED = re.compile(rb"(.*,)?[ \t]*chunked[ \t]*", re.I | re.S)
_CONTINUE = re.compile(rb"100-continue[ \t]*", re.I)
_CHUNK = re.compile(rb"([0-9a-fA-F]+)[^\r\n]*\r\n")
_HALF_A_LINE = re.compile(rb"([0-9a-fA-F]+[^\r\n]*\r?)?")


class Progress(Enum):
    """What to do with a request."""

    PARTIAL = auto()
    """Wait for the rest."""
    WHOLE = auto()
    """Answer it."""
    CUT = auto()
    """Answer it by a refusal, for which this much is enough, and end the connection."""
    HEAD_TOO_LONG = auto()


@dataclass
class Arriving:
    """One request as it comes; remembers how far it was judged, so that no byte is twice."""

    until: float
    """When its time is over, by time.monotonic()."""
    wants_word: bool = False
    """Whether its client waits for a 100 before it sends the body (RFC 9110, section 10.1.1)."""
    _body: int = 0
    _length: int | None = 0
    _chunk: int = 0
    _data: int = 0

    def judge(self, received: bytes) -> Progress:
        """How far it has come, of which these bytes are there, and perhaps some of the next.

        What is malformed is whole or cut: a thread refuses it.
        """
        if not self._body and not self._find_body(received):
            return Progress.PARTIAL if len(received) <= HEAD_BYTES else Progress.HEAD_TOO_LONG
        if self._length is None:
            return self._judge_chunks(received)
        if self._length > LONGEST_BODY:
            return Progress.CUT
        there = len(received) - self._body >= self._length
        return Progress.WHOLE if there else Progress.PARTIAL

    def _find_body(self, received: bytes) -> bool:
        end = received.find(b"\r\n\r\n")
        if end < 0 or end > HEAD_BYTES:
            return False
        self._body = self._chunk = end + 4
        for name, value in _FRAMING.findall(received[:end]):
            match name.lower():
                case b"transfer-encoding":
                    self._length = None if _CHUNKED.fullmatch(value) else self._length
                case b"expect":
                    self.wants_word = _CONTINUE.fullmatch(value) is not None
                case _ if self._length is not None and _NUMBER.fullmatch(value):
                    # No more digits than Python reads at once.
                    self._length = max(self._length, int(value[:20]))
        return True

    def _judge_chunks(self, received: bytes) -> Progress:
        # RFC 9112, section 7.1: chunks, an empty one, trailers, an empty line.
        if len(received) - self._body > CHUNKED_BYTES:
            return Progress.CUT
        while chunk := _CHUNK.match(received, self._chunk):
            size = int(chunk[1], 16)
            if size == 0:
                whole = b"\r\n\r\n" in received[chunk.end() - 2 :]
                return Progress.WHOLE if whole else Progress.PARTIAL
            there = len(received) - chunk.end()
            if self._data + min(size, there) >= LONGEST_BODY:
                return Progress.CUT
            if there < size + 2:
                return Progress.PARTIAL
            self._data += size
            self._chunk = chunk.end() + size + 2
        # Half of a line that says how long a chunk is, or something else in its place.
        half = _HALF_A_LINE.fullmatch(received, self._chunk)
        return Progress.PARTIAL if half else Progress.CUT
