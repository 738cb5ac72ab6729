"""The bytes that a worker received of a connection, and gunicorn's parser on top of them."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import termios
from typing import Any

from app.server.gunicorn_internals import Parser, Request, Unreader

SEND_BUFFER_BYTES = 512 * 1024
"""More than any reply has. The kernel takes memory only as it is needed, and may allow less."""
MAX_UNREAD_BYTES = 64 * 1024
"""The most of its replies that a client may leave unread and still have a request answered."""


class BufferedUnreader(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Received bytes of one connection; threads read from here, never from the socket."""

    exhausted = False
    """Whether a thread wanted more bytes. It is then unknown where the next request starts."""
    rejected = False
    """Whether the request is answered with an error before all of it was received."""

    @property
    def received(self) -> bytes:
        """The bytes that are not parsed yet."""
        content: bytes = self.buf.getvalue()
        return content

    def chunk(self, _size_hint: int | None = None) -> bytes:
        self.exhausted = True
        return b""

    def add(self, received: bytes) -> None:
        """Append bytes that came from the client."""
        self.buf.seek(0, os.SEEK_END)
        self.buf.write(received)


class _DirectRequest(Request):  # type: ignore[misc]  # gunicorn has no types
    def _peer_is_trusted_proxy(self) -> bool:
        # forwarded_allow_ips is empty. gunicorn parses the peer's address to find that out.
        return False


class BufferedParser(Parser):  # type: ignore[misc]  # gunicorn has no types
    """Parses the requests of one connection out of its BufferedUnreader."""

    mesg_class = _DirectRequest

    def __init__(self, cfg: Any, client: Any) -> None:
        super().__init__(cfg, (), client)
        self.unreader = BufferedUnreader()


def limit_sending(listener: socket.socket, seconds: int) -> None:
    """Set options of the sockets that the listener accepts.

    A reply that fits into the kernel's buffer occupies no thread, however slowly its client reads.
    For a longer one the thread's wait is limited to `seconds`.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", seconds, 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)


def has_unread_bytes(sock: socket.socket) -> bool:
    """Whether the client has sent bytes that the worker has not received yet."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        # Nothing has come, or the connection is broken.
        return False


def leaves_replies_unread(sock: socket.socket) -> bool:
    """Whether the client is connected but does not read its replies."""
    (unread_bytes,) = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)))
    if unread_bytes <= MAX_UNREAD_BYTES:
        return False
    try:
        sock.getpeername()
    except OSError:
        return False
    return True
