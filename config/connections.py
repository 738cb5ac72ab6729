"""What a worker has of a client: the bytes that came, and whether it reads what it is sent."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios

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
