"""Replies that leave in one piece: gunicorn writes the head, and then the body.

Each write is a packet for the client to be woken by, and a call to the kernel.
"""

from __future__ import annotations

from socket import socket
from typing import Any


class HeadWithBody:
    """Stands for the socket of a reply that has a body, and keeps the head until that comes."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._head: bytes | None = None

    def sendall(self, data: bytes) -> None:
        if self._head is None:
            self._head = data
        else:
            self._sock.sendall(self._head + data)
            self._head = b""


def send_whole(response: Any, environ: dict[str, Any], body: Any) -> None:
    """Have gunicorn's response write its head together with the beginning of its body.

    To be called before anything is written. One without a body is left alone, and so is a file,
    which the kernel sends by itself.
    """
    file = isinstance(body, environ["wsgi.file_wrapper"])
    if response.response_length and not response._omits_body and not file:
        response.sock = HeadWithBody(response.sock)
