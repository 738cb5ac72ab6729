"""Clients that send slowly, never finish a request or never read do not delay other clients."""

from __future__ import annotations

import socket
import time

import pytest

from app.server.request_reader import REQUEST_SECONDS
from tests.support.api_requests import Api
from tests.support.system.player import Player
from tests.support.system.raw_clients import is_closed, opened
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

CLIENTS = 40
"""Of each kind; more than the API has threads."""
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


def read_reply(sock: socket.socket) -> bytes:
    """Read one JSON reply."""
    reply = b""
    while not reply.endswith(b"}\n"):
        part = sock.recv(4096)
        assert part, reply
        reply += part
    return reply


def is_answered(sock: socket.socket) -> bool:
    """Read one JSON reply; whether its status is 200."""
    return read_reply(sock).startswith(b"HTTP/1.1 200 OK")


def can_send_byte(sock: socket.socket) -> bool:
    """Send one more byte; whether the connection still accepts it."""
    try:
        sock.send(b" ")
    except ConnectionError:
        return False
    return True


def test_unfinished_requests_delay_no_other_client_and_are_closed(api: Api, player: Player) -> None:
    endless = LOGIN + b"Content-Length: 9000\r\n\r\n"
    with opened(api.url, [endless, *list(UNFINISHED.values()) * CLIENTS]) as (slow, *sockets):

        def has_ended(sock: socket.socket) -> bool:
            # A byte from time to time does not extend the time limit.
            return is_closed(sock) or (sock is slow and not can_send_byte(sock))

        begun = time.monotonic()
        for _ in range(20):
            assert Api(api.url).get("/api/leaderboard").status_code == 200
            assert Api(api.url).post("/api/actions/token", token=player.access_token).ok
        assert time.monotonic() - begun < REQUEST_SECONDS, (
            "the unfinished requests were closed too early for this test"
        )
        await_true(lambda: all(has_ended(sock) for sock in [*sockets, slow]), REQUEST_SECONDS + 20)
    assert api.log_in(player.username).status_code == 200


def test_a_request_that_arrives_byte_by_byte_is_answered(api: Api, player: Player) -> None:
    body = f'{{"username": "{player.username}", "password": "correct horse battery"}}'.encode()
    plain = LOGIN + b"Content-Length: %d\r\n\r\n" % len(body) + body
    pieces = b"".join(b"%x\r\n%s\r\n" % (1, body[i : i + 1]) for i in range(len(body)))
    chunked = LOGIN + b"Transfer-Encoding: chunked\r\n\r\n" + pieces + b"0\r\n\r\n"
    for request in (plain, chunked):
        with opened(api.url, [b""]) as (sock,):
            for position in range(len(request)):
                sock.sendall(request[position : position + 1])
            assert is_answered(sock)
            # A second request on the same connection, in two parts.
            sock.sendall(request[:100])
            sock.sendall(request[100:])
            assert is_answered(sock)


def test_a_client_that_expects_a_continue_gets_it(api: Api, player: Player) -> None:
    body = f'{{"username": "{player.username}", "password": "correct horse battery"}}'.encode()
    head = LOGIN + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body)
    with opened(api.url, [head]) as (sock,):
        assert sock.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert b"HTTP/1.1 200 OK" in read_reply(sock)


def assert_others_are_served(api: Api) -> None:
    """Another client's requests are answered at once."""
    begun = time.monotonic()
    for _ in range(20):
        assert Api(api.url).get("/api/leaderboard?limit=3").ok
    assert time.monotonic() - begun < REQUEST_SECONDS


def test_clients_that_never_read_delay_no_other_client(api: Api) -> None:
    # The largest reply: once, and often enough to fill every buffer of the kernel.
    ask = b"GET /assets/vendor/uplot/uPlot.esm.js HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(api.get("/assets/vendor/uplot/uPlot.esm.js").content) > 100_000
    for times in (1, 60):
        with opened(api.url, [ask * times] * CLIENTS, receive_buffer=2048):
            until = time.monotonic() + 2
            while time.monotonic() < until:
                assert_others_are_served(api)


def test_clients_that_keep_a_finished_connection_open_delay_no_other_client(api: Api) -> None:
    ask = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for sent in (ask, b"nonsense\r\n\r\n"):
        with opened(api.url, [sent] * CLIENTS) as sockets:
            for sock in sockets:
                while sock.recv(4096):
                    pass
            assert_others_are_served(api)


def test_clients_refused_during_a_long_body_get_the_reply_and_delay_no_other_client(
    api: Api,
) -> None:
    unfinished = LOGIN + b"Content-Length: 3000000\r\n\r\n" + b"x" * 1000
    with opened(api.url, [unfinished] * CLIENTS) as sockets:
        assert_others_are_served(api)
        # A client that continues to send gets the answer, not a reset.
        sockets[0].sendall(b"x" * 1_000_000)
        for sock in sockets:
            reply = read_reply(sock)
            assert reply.startswith(b"HTTP/1.1 413 "), reply
            assert b"Connection: close" in reply
