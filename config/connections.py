"""What a worker has of a client: bytes that came, requests in them, and what it left unread."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from typing import Any

from gunicorn.http.message import Request
from gunicorn.http.parser import Parser
from gunicorn.http.unreader import Unreader

UNREAD_BYTES = 64 * 1024
"""So much of its replies a client may leave unread and be answered still."""


class Held(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """What has come of a connection; the only thing that threads read from."""

    starved = False
    """Whether a thread wanted more: then it's unknown where the next request begins."""
    cut = False
    """Whether not all of the request is there, by intent."""

    def chunk(self, _size_hint: int | None = None) -> bytes:
        self.starved = True
        return b""

    def add(self, received: bytes) -> None:
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(received)


class _OfNoProxy(Request):  # type: ignore[misc]  # gunicorn has no types
    def _peer_is_trusted_proxy(self) -> bool:
        # forwarded_allow_ips is empty. gunicorn parses the peer's address to find that out.
        return False


class HeldRequests(Parser):  # type: ignore[misc]  # gunicorn has no types
    """The requests of one connection, out of what is held of it."""

    mesg_class = _OfNoProxy

    def __init__(self, cfg: Any, client: Any) -> None:
        super().__init__(cfg, (), client)
        self.unreader = Held()


def leaves_unread(sock: socket.socket) -> bool:
    """Whether the client, if it is still there, doesn't read what it was sent."""
    (number,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
    if number <= UNREAD_BYTES:
        return False
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
