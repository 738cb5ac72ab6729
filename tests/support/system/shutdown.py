"""What the tests of a server's shutdown need: clients in each state, a locked ledger, events."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.support.system.harness import SystemHarness
from tests.support.system.web_server import WebServer


@contextmanager
def ledger_locked(system: SystemHarness) -> Iterator[psycopg2.extensions.connection]:
    """Lock the table of actions, so that an increment waits until the connection commits."""
    connection = psycopg2.connect(system.stores.database_url)
    with connection.cursor() as cursor:
        cursor.execute("lock table actions")
    try:
        yield connection
    finally:
        connection.close()


def half_sent(server: WebServer, body: bytes, rest: int) -> socket.socket:
    """A connection with a login whose last `rest` bytes are not sent yet."""
    sock = socket.create_connection(("127.0.0.1", server.port), 30)
    sock.sendall(
        b"POST /api/auth/login HTTP/1.1\r\nHost: scores.example\r\n"
        b"Content-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body[:-rest])
    )
    return sock


def kept_alive(server: WebServer) -> socket.socket:
    """An idle connection on which one request was answered."""
    sock = socket.create_connection(("127.0.0.1", server.port), 30)
    sock.sendall(b"GET /api/leaderboard HTTP/1.1\r\nHost: scores.example\r\n\r\n")
    received = b""
    # Head and body are sent separately.
    while not received.endswith(b"}\n"):
        received += sock.recv(65536)
    assert b"keep-alive" in received
    return sock


def read_to_the_end(sock: socket.socket) -> bytes:
    received = b""
    while data := sock.recv(65536):
        received += data
    return received


def busy(server: WebServer) -> bool:
    """Whether a worker has accepted a connection."""
    return any(
        connection.status == "ESTABLISHED" and connection.laddr.port == server.port
        for worker in server.workers()
        for connection in worker.net_connections()
    )


def shutdown_events(viewer: ClientConnection, instance: str, expected: int) -> int:
    """The number of server_shutdown events for this server.

    Waits for the expected ones, and then until a second passes without an event.
    """
    times = 0
    try:
        while True:
            message: dict[str, Any] = json.loads(viewer.recv(30 if times < expected else 1))
            if message["event"] == "server_shutdown":
                times += message["data"] == {"instance": instance}
    except TimeoutError:
        return times
    except ConnectionClosed:
        pytest.fail("the viewer was disconnected")
