"""Requests that two parsers may read differently, and requests that are too large.

tests/app/http/test_paths_and_methods.py and tests/app/api/bodies have the simpler ones.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests

from tests.support.api_requests import Api, refused
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

SMUGGLED = b"GET /api/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
CHUNKS = b"0\r\n\r\n" + SMUGGLED
LONG = len(CHUNKS)
GET = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"

# If one parser would see one request here and another one two, the server must accept none.
AMBIGUOUS = {
    "a length and chunks": b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n" % LONG,
    "chunks and a length": b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n" % LONG,
    "a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "a space before the length's colon": b"Content-Length : %d\r\n" % LONG,
    "a name on a continued line": b"X: y\r\n Transfer-Encoding: chunked\r\n",
    "a value on a continued line": b"Transfer-Encoding:\r\n chunked\r\n",
    "a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "a NUL": b"Transfer-Encoding: chunked\0\r\n",
    "a quoted coding": b'Transfer-Encoding: "chunked"\r\n',
    "an unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "chunks twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "chunks, and then no more": b"Transfer-Encoding: chunked, identity\r\n",
    "chunks not as the last coding": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    "two lengths": b"Content-Length: 0\r\nContent-Length: %d\r\n" % LONG,
    "two lengths in one": b"Content-Length: 0, %d\r\n" % LONG,
    "a length with a sign": b"Content-Length: +%d\r\n" % LONG,
    "a length in hexadecimal": b"Content-Length: 0x%x\r\n" % LONG,
    "a length with an underscore": b"Content-Length: 1_0\r\n",
    "a bare line feed": b"X: y\nTransfer-Encoding: chunked\r\n",
    "a bare carriage return": b"X: y\rTransfer-Encoding: chunked\r\n",
}


@pytest.mark.parametrize("what", AMBIGUOUS)
def test_a_request_that_can_be_read_in_two_ways_is_not_read_in_the_second(
    api: Api, running_system: SystemHarness, what: str
) -> None:
    reply = api.exchange(POST + AMBIGUOUS[what] + b"\r\n" + CHUNKS, until=b"requestId")
    assert reply.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 501 ")), reply[:200]
    # No second answer follows: the connection is closed, and the smuggled path was not requested.
    assert api.exchange(POST + AMBIGUOUS[what] + b"\r\n" + CHUNKS).count(b"HTTP/1.1 ") == 1
    assert "/api/smuggled" not in running_system.log("web")


def test_the_request_after_a_chunked_body_is_read_from_its_first_byte(api: Api) -> None:
    body = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-Trailer: x\r\n\r\n"
    after = b"GET /api/nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    reply = api.exchange(POST + body + after)
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", reply) == [b"400", b"404"]


@pytest.mark.parametrize(
    "framing", [AMBIGUOUS["a length and chunks"], b"Content-Length: +%d\r\n" % LONG, b""]
)
def test_the_broadcaster_reads_one_request_per_connection(broadcaster: Api, framing: bytes) -> None:
    for path in (b"/health/live", b"/ws", b"/nowhere"):
        head = b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n"
        assert broadcaster.exchange(head + CHUNKS).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("digits", [24_000, 62_000])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_chunk_sizes_that_never_end_are_refused_and_delay_no_other_request(
    api: Api, broadcaster: Api, digits: int, end: str
) -> None:
    stream = b"GET /stream HTTP/1.1\r\nHost: a\r\n"
    with ThreadPoolExecutor(4) as pool:
        for server, head in ((api, POST), (broadcaster, stream)):
            begun = time.monotonic()
            request = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"a" * digits + end.encode()
            replies = pool.map(partial(server.exchange, until=b"requestId"), [request] * 4)
            assert server.get("/health/live").status_code == 200
            for reply in replies:
                assert reply.startswith(b"HTTP/1.1 400 "), reply[:200]
            # A search with backtracking took several seconds.
            assert time.monotonic() - begun < 3


@pytest.mark.parametrize("kilobytes", [120, 4000])
def test_headers_that_are_too_long_are_refused_and_delay_no_other_client(
    api: Api, broadcaster: Api, kilobytes: int
) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 1000) for number in range(kilobytes))
    one = b"X: " + b"x" * 1024 * kilobytes + b"\r\n"
    for server in (api, broadcaster):
        for headers in (lines, one):
            try:
                reply = server.exchange(GET + headers + b"\r\n")
            except ConnectionError:
                # The server refused it before all was sent.
                reply = b""
            assert reply[:13] in {b"HTTP/1.1 431 ", b"HTTP/1.1 400 ", b""}, reply[:99]
        assert server.get("/health/live").status_code == 200


def test_a_query_with_many_or_odd_parameters_is_answered_or_refused(api: Api) -> None:
    many = "&".join(f"limit={number % 100}" for number in range(400))
    reply = api.get(f"/api/leaderboard?{many}")
    assert reply.status_code in {200, 400}
    for value in (
        "1e9",
        "\uff19",
        "0x10",
        "1 ",
        "\u0663",
        "-0",
        "+1",
        "1_0",
        "99999999999999999999",
    ):
        reply = api.get("/api/leaderboard", params={"limit": value})
        if reply.status_code != 200:
            refused(reply, 400, "VALIDATION_ERROR", {"limit"})
    for name in ("limit[]", "limit[$gt]", "__proto__", "limit\0", "LIMIT"):
        # Unknown parameters have no effect.
        reply = api.get("/api/leaderboard", params={name: "\0'; DROP TABLE users --"})
        assert reply.status_code == 200


def test_of_a_field_that_occurs_twice_the_last_value_counts(api: Api, player: Player) -> None:
    mine, stolen = player.ask_token(), "x.y"
    headers = {"Authorization": f"Bearer {player.access_token}", "Content-Type": "application/json"}
    url = f"{api.url}/api/scores/increment"
    body = f'{{"actionToken": "{mine}", "actionToken": "{stolen}"}}'
    reply = requests.post(url, data=body, headers=headers, timeout=10)
    refused(reply, 400, "TOKEN_INVALID")
    # Also if the name is spelled with an escape.
    body = f'{{"actionToken": "{stolen}", "action\\u0054oken": "{mine}"}}'
    assert requests.post(url, data=body, headers=headers, timeout=10).json()["newScore"] == 1
