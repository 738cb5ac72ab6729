"""Clients that send slowly or never to the end, and clients that never read, hold up nobody."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import pytest

from config.whole_requests import REQUEST_SECONDS
from tests.app.http.asking import Api
from tests.awaiting import await_true
from tests.system.player import Player

pytestmark = pytest.mark.slow

EACH = 40
"""Of each kind; more than the API has threads."""
PATIENCE = 5.0
LOGIN = b"POST /api/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
UNFINISHED = {
    "half a request line": b"GET /api/lea",
    "a head without an end": b"GET /api/health HTTP/1.1\r\nHost: a\r\nX-Slow: ",
    "a body that is announced": LOGIN + b"Content-Length: 200\r\n\r\n",
    "half a body": LOGIN + b'Content-Length: 200\r\n\r\n{"username": "a',
    "a body that may be sent": LOGIN + b"Content-Length: 200\r\nExpect: 100-continue\r\n\r\n",
    "a chunk without an end": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n40\r\n{",
    "chunks without an end": LOGIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
}


@contextmanager
def opened(url: str, sent: list[bytes], receive_buffer: int = 0) -> Iterator[list[socket.socket]]:
    """A connection for each of these, on which it was sent."""
    place = urlsplit(url)
    with ExitStack() as stack:
        sockets = []
        for each in sent:
            sock = stack.enter_context(socket.socket())
            sock.settimeout(PATIENCE)
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.connect((place.hostname, place.port))
            sock.sendall(each)
            sockets.append(sock)
        yield sockets


def all_of_reply(sock: socket.socket) -> bytes:
    """One reply of JSON."""
    reply = b""
    while not reply.endswith(b"}\n"):
        part = sock.recv(4096)
        assert part, reply
        reply += part
    return reply


def answered(sock: socket.socket) -> bool:
    """Read one reply of JSON; whether it is a 200."""
    return all_of_reply(sock).startswith(b"HTTP/1.1 200 OK")


def trickles(sock: socket.socket) -> bool:
    """Send one byte more; whether that is still possible."""
    try:
        sock.send(b" ")
    except ConnectionError:
        return False
    return True


def closed(sock: socket.socket) -> bool:
    """Whether the server has closed the connection."""
    sock.setblocking(False)
    try:
        return sock.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_requests_without_an_end_hold_up_nobody_and_are_given_up(api: Api, player: Player) -> None:
    endless = LOGIN + b"Content-Length: 9000\r\n\r\n"
    with opened(api.url, [endless, *list(UNFINISHED.values()) * EACH]) as (trickle, *sockets):

        def has_gone(sock: socket.socket) -> bool:
            # A byte now and then buys no time.
            return closed(sock) or (sock is trickle and not trickles(sock))

        begun = time.monotonic()
        for _ in range(20):
            assert Api(api.url).get("/api/leaderboard").status_code == 200
            assert Api(api.url).post("/api/actions/token", token=player.access_token).ok
        assert time.monotonic() - begun < REQUEST_SECONDS, "they were let go before it was shown"
        await_true(
            lambda: all(has_gone(sock) for sock in [*sockets, trickle]), REQUEST_SECONDS + 20
        )
    assert api.log_in(player.username).status_code == 200


def test_a_request_that_comes_byte_by_byte_is_answered_once_it_is_there(
    api: Api, player: Player
) -> None:
    body = f'{{"username": "{player.username}", "password": "correct horse battery"}}'.encode()
    plain = LOGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
    chunked = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
    for request in (plain, chunked):
        with opened(api.url, [b""]) as (sock,):
            for position in range(len(request)):
                sock.sendall(request[position : position + 1])
            assert answered(sock)
            # And once more on the same connection, in two parts.
            sock.sendall(request[:100])
            sock.sendall(request[100:])
            assert answered(sock)


def test_who_waits_for_a_word_before_the_body_gets_it(api: Api, player: Player) -> None:
    body = f'{{"username": "{player.username}", "password": "correct horse battery"}}'.encode()
    head = LOGIN + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with opened(api.url, [head]) as (sock,):
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b"HTTP/1.1 200 OK" in all_of_reply(sock)


def served(api: Api) -> None:
    """Somebody else is, at once."""
    begun = time.monotonic()
    for _ in range(20):
        assert Api(api.url).get("/api/leaderboard?limit=3").ok
    assert time.monotonic() - begun < REQUEST_SECONDS


def test_who_never_reads_holds_up_nobody(api: Api) -> None:
    # The largest reply; once, and so often that no buffer of the kernel's takes all of it.
    ask = b"GET /assets/vendor/uplot/uPlot.esm.js HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(api.get("/assets/vendor/uplot/uPlot.esm.js").content) > 100_000
    for times in (1, 60):
        with opened(api.url, [ask * times] * EACH, receive_buffer=2048):
            until = time.monotonic() + 2
            while time.monotonic() < until:
                served(api)


def test_who_does_not_hang_up_holds_up_nobody(api: Api) -> None:
    ask = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for sent in (ask, b"nonsense\r\n\r\n"):
        with opened(api.url, [sent] * EACH) as sockets:
            for sock in sockets:
                while sock.recv(4096):
                    pass
            served(api)


def test_who_is_refused_amid_a_long_body_hears_so_and_holds_up_nobody(api: Api) -> None:
    begun = LOGIN + b"Content-Length: 3000000\r\n\r\n" + b"x" * 1000
    with opened(api.url, [begun] * EACH) as sockets:
        served(api)
        # Who sends on has no reset instead of an answer.
        sockets[0].sendall(b"x" * 1_000_000)
        for sock in sockets:
            reply = all_of_reply(sock)
            assert reply.startswith(b"HTTP/1.1 413 "), reply
            assert b"Connection: close" in reply
