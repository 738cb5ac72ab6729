"""When all of a request was received, and when enough was received to refuse it."""

from __future__ import annotations

import time

import pytest

from app.contract.limits import MAX_BODY_BYTES
from app.server.request_framing import (
    CHUNKING_FACTOR,
    MAX_CHUNK_LINE_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    Progress,
    RequestFraming,
)

pytestmark = pytest.mark.slow

READ_BYTES = MAX_BODY_BYTES + 1
"""The app reads one byte more than it accepts."""
HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
COMPLETE = {
    "no body": b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a length": HEAD + b"content-LENGTH:\t7 \r\n\r\n1234567",
    "chunks": CHUNKS + b"3;name=value\r\nabc\r\n5\r\n0\r\n\r\n\r\n00\r\nTrailer: x\r\n\r\n",
    "chunks after another coding": HEAD
    + b"Transfer-Encoding: gzip , Chunked\r\n\r\n1 ;x\r\na\r\n0\r\n\r\n",
    "the longest body": HEAD + b"Content-Length: 16385\r\n\r\n" + b"x" * READ_BYTES,
}


def progress(received: bytes) -> Progress:
    return RequestFraming().progress(received)


@pytest.mark.parametrize("what", COMPLETE)
def test_a_request_is_complete_with_its_last_byte_and_not_before(what: str) -> None:
    request, step = COMPLETE[what], 1 + len(COMPLETE[what]) // 1000
    framing = RequestFraming()
    for length in range(0, len(request), step):
        assert framing.progress(request[:length]) is Progress.PARTIAL, request[:length][-99:]
    assert framing.progress(request) is Progress.COMPLETE
    assert progress(request + COMPLETE["no body"][:5]) is Progress.COMPLETE


def test_a_body_is_rejected_as_soon_as_it_is_longer_than_the_app_reads() -> None:
    assert progress(HEAD + b"Content-Length: 16386\r\n\r\n") is Progress.REJECT
    assert progress(HEAD + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000)) is Progress.REJECT
    for pieces in ([READ_BYTES], [1000] * 16 + [384, 1], [2**30], [2**200]):
        framing, received = RequestFraming(), CHUNKS
        for piece in pieces:
            assert framing.progress(received) is Progress.PARTIAL
            received += b"%x\r\n%s\r\n" % (piece, b"x" * min(piece, READ_BYTES))
        assert framing.progress(received[:-3]) is Progress.PARTIAL or piece > READ_BYTES
        assert framing.progress(received) is Progress.REJECT


def test_the_buffered_part_of_a_request_is_bounded() -> None:
    assert progress(b"x" * MAX_HEAD_BYTES) is Progress.PARTIAL
    assert progress(b"x" * (MAX_HEAD_BYTES + 1)) is Progress.HEAD_TOO_LONG
    assert progress(b"x" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n") is Progress.HEAD_TOO_LONG
    for endless in (b"1\r\nx\r\n", b"0\r\n" + b"X: y\r\n"):
        assert progress(CHUNKS + endless * 20_000) is Progress.REJECT
    trailers = b"0\r\n" + b"x" * (CHUNKING_FACTOR * MAX_BODY_BYTES - 3)
    assert progress(CHUNKS + trailers) is Progress.PARTIAL
    assert progress(CHUNKS + trailers + b"x") is Progress.REJECT


def test_the_number_of_headers_is_bounded() -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(MAX_HEADERS - 1))
    assert progress(HEAD + many + b"\r\n") is Progress.COMPLETE
    assert progress(HEAD + many + b"X: y\r\nX: y\r\n\r\n") is Progress.REJECT


def test_the_line_before_a_chunk_is_bounded() -> None:
    longest = b"1;" + b"y" * (MAX_CHUNK_LINE_BYTES - 4)
    assert progress(CHUNKS + longest + b"\r\nx\r\n0\r\n\r\n") is Progress.COMPLETE
    assert progress(CHUNKS + longest) is Progress.PARTIAL
    assert progress(CHUNKS + longest + b"yy") is Progress.REJECT
    assert progress(CHUNKS + longest + b"y\r\nx\r\n0\r\n\r\n") is Progress.REJECT


@pytest.mark.parametrize("digits", [24_000, 62_000])
@pytest.mark.parametrize("end", [b"\n", b"", b"\r", b";\n"])
def test_a_long_run_of_hex_digits_is_rejected_at_once(digits: int, end: bytes) -> None:
    request = CHUNKS + b"a" * digits + end
    begun = time.process_time()
    assert progress(request) is Progress.REJECT
    framing, length = RequestFraming(), len(CHUNKS)
    while framing.progress(request[:length]) is Progress.PARTIAL:
        length += 1
    # With backtracking this took seconds.
    assert time.process_time() - begun < 1
    assert length <= len(CHUNKS) + MAX_CHUNK_LINE_BYTES


@pytest.mark.parametrize(
    "malformed",
    [
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 0x5\r\n\r\n",
        HEAD + b"Transfer-Encoding: unknown\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
        CHUNKS + b"zz",
        CHUNKS + b"\n",
        CHUNKS + b"5\r\nabcdefgh",
        CHUNKS + b"5\r\nabcdex",
        CHUNKS + b"-5\r\n",
        CHUNKS + b"+5\r\n",
        CHUNKS + b"0x5\r\n",
        CHUNKS + b"1_0\r\n",
        CHUNKS + b" 5\r\n",
        CHUNKS + b"5\n",
        CHUNKS + b"5\nabcde\n0\n\n",
        CHUNKS + b"5;x\nabcde\r\n0\r\n\r\n",
        CHUNKS + b"5\rx\r\nabcde\r\n0\r\n\r\n",
        b"\r\n\r\n",
    ],
)
def test_the_rest_of_a_malformed_request_is_not_waited_for(malformed: bytes) -> None:
    assert progress(malformed) in {Progress.COMPLETE, Progress.REJECT}


def test_a_client_that_expects_a_continue_is_recognised() -> None:
    framing = RequestFraming()
    head = HEAD + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"
    assert framing.progress(head) is Progress.PARTIAL
    assert framing.expects_continue
    framing = RequestFraming()
    framing.progress(HEAD + b"Expect: more\r\nContent-Length: 5\r\n\r\n")
    assert not framing.expects_continue
