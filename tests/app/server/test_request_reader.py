"""How much of a connection the worker holds in memory."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Any

import pytest
from gunicorn.config import Config

from app.server.connections.buffer import BufferedParser
from app.server.gunicorn_internals import TConn
from app.server.request_reader import RECEIVE_BYTES, RequestReader
from app.server.route_table import RouteTable

pytestmark = pytest.mark.slow

REQUEST = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
ROUNDS = 50
UNUSED: Any = None


def test_a_client_that_sends_ahead_does_not_grow_the_buffer() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conn = TConn(Config(), ours, ("127.0.0.1", 1), None)
        conn.parser = BufferedParser(Config(), conn.client)
        reader = RequestReader(UNUSED, UNUSED, UNUSED, RouteTable({}))
        theirs.setblocking(False)
        for _ in range(ROUNDS):
            with suppress(BlockingIOError):
                theirs.send(REQUEST * 1000)
            assert reader.has_complete_request(conn)
        assert RECEIVE_BYTES <= len(conn.parser.unreader.received) < 2 * RECEIVE_BYTES
