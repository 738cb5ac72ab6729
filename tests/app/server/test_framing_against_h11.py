"""Request framing agrees with h11, a parser that shares no code with ours or gunicorn's."""

from __future__ import annotations

from itertools import cycle
from typing import Literal

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.server.request_framing import Progress, RequestFraming

pytestmark = pytest.mark.slow

Verdict = Literal["partial", "complete", "malformed"]
LINES = (
    b"Host: a",
    b"X-Long: " + b"y" * 300,
    b"x-colon: a:b",
    b"Accept:",
    b"Expect: 100-continue",
    b"Connection: close",
)
EXTENSIONS = (b"", b";a", b";a=b", b';a="b"', b";" + b"x" * 200)
TRAILERS = (b"", b"X: y\r\n", b"X: y\r\nZ:\r\n")


class H11Server:
    """A server that uses h11."""

    def __init__(self) -> None:
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=2**20)

    def receive(self, received: bytes) -> Verdict:
        """What it makes of all bytes so far; `received` are new ones."""
        self._connection.receive_data(received)
        try:
            while True:
                event = self._connection.next_event()
                if event is h11.NEED_DATA:
                    return "partial"
                if event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
                    return "complete"
        except h11.RemoteProtocolError:
            return "malformed"


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A well-formed request whose body is within the limits."""
    lines = draw(st.lists(st.sampled_from(LINES), max_size=4, unique=True))
    lines = [line for line in lines if not line.startswith(b"Host")] + [b"Host: a"]
    kind = draw(st.sampled_from(["none", "length", "chunked"]))
    content = draw(st.binary(max_size=40))
    if kind == "none":
        body = b""
    elif kind == "length":
        lines.append(
            b"Content-Length:%b%d" % (draw(st.sampled_from([b" ", b"\t", b""])), len(content))
        )
        body = content
    else:
        lines.append(
            draw(st.sampled_from([b"Transfer-Encoding: chunked", b"transfer-encoding:CHUNKED"]))
        )
        body = draw(chunks(content))
    lines = draw(st.permutations(lines))
    return b"POST /x HTTP/1.1\r\n" + b"\r\n".join(lines) + b"\r\n\r\n" + body


@st.composite
def chunks(draw: st.DrawFn, content: bytes) -> bytes:
    """The content in chunks."""
    body, rest = b"", content
    while rest:
        size = draw(st.integers(1, len(rest)))
        digits = draw(st.sampled_from([b"%x", b"%X", b"000%x"])) % size
        body += digits + draw(st.sampled_from(EXTENSIONS)) + b"\r\n" + rest[:size] + b"\r\n"
        rest = rest[size:]
    return body + b"0\r\n" + draw(st.sampled_from(TRAILERS)) + b"\r\n"


@settings(max_examples=150, deadline=None)
@given(
    request=requests(), pieces=st.lists(st.integers(1, 50), min_size=1), after=st.binary(max_size=9)
)
def test_a_request_is_complete_when_h11_says_so(
    request: bytes, pieces: list[int], after: bytes
) -> None:
    framing, server, length = RequestFraming(), H11Server(), 0
    for size in cycle(pieces):
        assert framing.progress(request[:length]) is Progress.PARTIAL
        piece = request[length : length + size]
        length += len(piece)
        if length == len(request):
            break
        assert server.receive(piece) == "partial"
    assert server.receive(piece) == "complete"
    assert framing.progress(request) is Progress.COMPLETE
    assert RequestFraming().progress(request + after) is Progress.COMPLETE


@settings(max_examples=500, deadline=None)
@given(request=requests(), data=st.data())
def test_a_damaged_request_is_neither_cut_short_nor_waited_for(
    request: bytes, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(request) - 1))
    removed = data.draw(st.integers(0, 3))
    inserted = data.draw(
        st.binary(max_size=3) | st.sampled_from([b"\n", b"\r", b"\r\n", b"0", b";"])
    )
    damaged = request[:position] + inserted + request[position + removed :]
    ours, theirs = RequestFraming().progress(damaged), H11Server().receive(damaged)
    if ours is Progress.COMPLETE:
        # gunicorn refuses what h11 calls malformed, or reads it as we do.
        assert theirs != "partial"
    elif ours is Progress.PARTIAL:
        # h11 accepts lines that end with a bare line feed; gunicorn does not.
        assert theirs != "complete" or damaged.count(b"\n") != damaged.count(b"\r\n")


@settings(max_examples=200, deadline=None)
@given(request=requests(), data=st.data())
def test_the_result_does_not_depend_on_how_the_bytes_arrive(
    request: bytes, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(request) - 1))
    received = request[:position] + data.draw(st.binary(max_size=3)) + request[position:]
    framing, piecewise = RequestFraming(), Progress.PARTIAL
    for length in range(len(received) + 1):
        piecewise = framing.progress(received[:length])
        if piecewise is not Progress.PARTIAL:
            break
    at_once = RequestFraming().progress(received[:length])
    assert at_once is piecewise
