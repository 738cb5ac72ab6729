"""Clients that send bytes of their own and leave their connections open."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

SOCKET_TIMEOUT_SECONDS = 20.0


@contextmanager
def opened(
    url: str, sent: Sequence[bytes], receive_buffer: int = 0
) -> Iterator[list[socket.socket]]:
    """One connection for each of these byte strings, on which it was sent."""
    address = urlsplit(url)
    with ExitStack() as stack:
        sockets = []
        for each in sent:
            sock = stack.enter_context(socket.socket())
            sock.settimeout(SOCKET_TIMEOUT_SECONDS)
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.connect((address.hostname, address.port))
            sock.sendall(each)
            sockets.append(sock)
        yield sockets


def read_reply(sock: socket.socket) -> bytes:
    """One reply with a Content-Length, which may arrive in several pieces."""
    received = b""
    while not (head := re.match(rb".*?\r\n\r\n", received, re.DOTALL)):
        received += _receive(sock)
    found = re.search(rb"\r\ncontent-length: (\d+)\r\n", head[0], re.IGNORECASE)
    assert found, head[0]
    while len(received) < head.end() + int(found[1]):
        received += _receive(sock)
    return received


def is_closed(sock: socket.socket) -> bool:
    """Whether the server has closed the connection."""
    sock.setblocking(False)
    try:
        return sock.recv(4096) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _receive(sock: socket.socket) -> bytes:
    received = sock.recv(4096)
    assert received, "the server closed the connection"
    return received
