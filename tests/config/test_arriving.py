"""When all of a request is there, byte by byte."""

from __future__ import annotations

import pytest

from app.http.body import LONGEST_BODY as LET_PASS
from config.arriving import CHUNKED_BYTES, HEAD_BYTES, LONGEST_BODY, Arriving, Progress

pytestmark = pytest.mark.slow

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE = {
    "no body": b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a length": HEAD + b"content-LENGTH:\t7 \r\n\r\n1234567",
    "chunks": CHUNKS + b"3;name=value\r\nabc\r\n5\r\n0\r\n\r\n\r\n00\r\nTrailer: x\r\n\r\n",
    "the longest body": HEAD + b"Content-Length: 16385\r\n\r\n" + b"x" * LONGEST_BODY,
}


def progress(received: bytes) -> Progress:
    return Arriving(0).judge(received)


@pytest.mark.parametrize("what", WHOLE)
def test_a_request_is_whole_with_its_last_byte_and_not_before(what: str) -> None:
    request, step = WHOLE[what], 1 + len(WHOLE[what]) // 1000
    arriving = Arriving(0)
    for length in range(0, len(request), step):
        assert arriving.judge(request[:length]) is Progress.PARTIAL, request[:length][-99:]
    assert arriving.judge(request) is Progress.WHOLE
    assert progress(request + WHOLE["no body"][:5]) is Progress.WHOLE


def test_of_a_body_no_more_is_waited_for_than_is_read() -> None:
    assert LONGEST_BODY == LET_PASS + 1
    assert progress(HEAD + b"Content-Length: 16386\r\n\r\n") is Progress.CUT
    assert progress(HEAD + b"Content-Length: %s\r\n\r\n" % (b"9" * 5000)) is Progress.CUT
    for pieces in ([LONGEST_BODY], [1000] * 16 + [384, 1], [2**30], [2**200]):
        arriving, received = Arriving(0), CHUNKS
        for piece in pieces:
            assert arriving.judge(received) is Progress.PARTIAL
            received += b"%x\r\n%s\r\n" % (piece, b"x" * min(piece, LONGEST_BODY))
        assert arriving.judge(received[:-3]) is Progress.PARTIAL or piece > LONGEST_BODY
        assert arriving.judge(received) is Progress.CUT


def test_what_is_held_of_a_request_is_bounded() -> None:
    assert progress(b"x" * HEAD_BYTES) is Progress.PARTIAL
    assert progress(b"x" * (HEAD_BYTES + 1)) is Progress.HEAD_TOO_LONG
    assert progress(b"x" * (HEAD_BYTES + 1) + b"\r\n\r\n") is Progress.HEAD_TOO_LONG
    for endless in (b"1\r\nx\r\n", b"1;" + b"y" * 60_000, b"0\r\n" + b"X: y\r\n"):
        assert progress(CHUNKS + endless * 20_000) is Progress.CUT
    assert progress(CHUNKS + b"1;" + b"y" * (CHUNKED_BYTES - 2)) is Progress.PARTIAL


@pytest.mark.parametrize(
    "malformed",
    [
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 0x5\r\n\r\n",
        HEAD + b"Transfer-Encoding: unknown\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n",
        CHUNKS + b"zz",
        CHUNKS + b"5\r\nabcdefgh",
        CHUNKS + b"-5\r\n",
        CHUNKS + b"5\nabcde\n0\n\n",
        b"\r\n\r\n",
    ],
)
def test_what_is_malformed_is_not_waited_for(malformed: bytes) -> None:
    assert progress(malformed) in {Progress.WHOLE, Progress.CUT}


def test_who_waits_for_a_word_before_the_body_is_known() -> None:
    arriving = Arriving(0)
    assert arriving.judge(HEAD + b"Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n") is (
        Progress.PARTIAL
    )
    assert arriving.wants_word
    arriving = Arriving(0)
    arriving.judge(HEAD + b"Expect: more\r\nContent-Length: 5\r\n\r\n")
    assert not arriving.wants_word
