"""Passes requests that are not for the broadcaster to the API, so that one port serves both.

The API alone interprets them: the head is passed on as it arrived, except for `Connection`, and the
body is not read here. Each request has a connection of its own to the API, which the API closes
after the reply. So a client cannot add a second request behind its first one.
"""

from __future__ import annotations

import re
from io import BufferedReader

import gevent
from gevent import socket
from gevent.lock import BoundedSemaphore

from broadcaster.metrics import LIMIT_HITS

MAX_FORWARDED = 256
"""The most requests that are passed on at a time."""
FORWARDING_DESCRIPTORS = 2 * MAX_FORWARDED
"""Each request has two sockets: the client's and that of the API."""
CONNECT_SECONDS = 1.0
IDLE_SECONDS = 15.0
"""The limit of each wait for the client or the API to send or to read."""
CHUNK_BYTES = 64 * 1024
_HOST = re.compile(rb"[A-Za-z0-9._:\[\]-]+")
_REPLACED = {b"connection", b"keep-alive", b"proxy-connection"}


class ApiUnavailable(Exception):
    """The API refuses connections, or too many requests are being passed on."""


class ApiForwarder:
    """Connections to the API, one for each request that is passed on."""

    def __init__(self, address: tuple[str, int], own_paths: frozenset[str]) -> None:
        self._address = address
        self._own_paths = own_paths
        self._free = BoundedSemaphore(MAX_FORWARDED)

    def takes(self, path: str) -> bool:
        """Whether the API answers requests for this path."""
        return path not in self._own_paths

    def connect(self, head: bytes) -> socket.socket:
        """A connection on which the API has got the head; raises ApiUnavailable.

        The caller has to call exchange() with it.
        """
        if not self._free.acquire(blocking=False):
            LIMIT_HITS.labels("forwarded").inc()
            raise ApiUnavailable("too many requests are being passed on")
        upstream: socket.socket | None = None
        try:
            upstream = socket.create_connection(self._address, CONNECT_SECONDS)
            upstream.sendall(head)
        except BaseException as error:
            # A time limit of the caller is not an Exception, and must not use up the number.
            self._free.release()
            if upstream is not None:
                upstream.close()
            if isinstance(error, OSError):
                raise ApiUnavailable(str(error)) from error
            raise
        upstream.settimeout(IDLE_SECONDS)
        return upstream

    def exchange(
        self, client: socket.socket, body: BufferedReader, upstream: socket.socket
    ) -> bool:
        """Pass on the body, and the reply until its end; False if the API sent no reply."""
        client.settimeout(IDLE_SECONDS)
        sender = gevent.spawn(_send_body, body, upstream)
        replied = False
        try:
            while data := upstream.recv(CHUNK_BYTES):
                replied = True
                client.sendall(data)
        except OSError:
            # The API counts and logs a reply that its client did not read.
            return replied
        finally:
            sender.kill()
            upstream.close()
            self._free.release()
        return replied


def forwarded_head(request_line: str, header_lines: list[bytes], peer: str, port: int) -> bytes:
    """The head for the API.

    `peer` is the address that is connected to the broadcaster, `port` the one that it reached.
    """
    kept = [line for line in header_lines if _name(line) not in _REPLACED]
    hosts = [line.partition(b":")[2].strip() for line in header_lines if _name(line) == b"host"]
    host = hosts[0].decode() if hosts and _HOST.fullmatch(hosts[0]) else "invalid"
    # Behind the client's own lines, because the API believes the last entries only. Each proxy has
    # to set all of them, or the API would believe an entry of the client.
    ours = (
        f"X-Forwarded-For: {peer}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: {host}\r\n"
        f"X-Forwarded-Port: {port}\r\nConnection: close\r\n\r\n"
    )
    return b"".join([f"{request_line.rstrip()}\r\n".encode("latin-1"), *kept, ours.encode()])


def _name(header_line: bytes) -> bytes:
    return header_line.partition(b":")[0].strip().lower()


def _send_body(body: BufferedReader, upstream: socket.socket) -> None:
    """Send what the client sends behind the head, until it or the API closes the connection."""
    try:
        while data := body.read1(CHUNK_BYTES):
            upstream.sendall(data)
    except (OSError, ValueError):
        # The API's limits of time and size apply to what it has got. ValueError: the reader is
        # closed.
        return
