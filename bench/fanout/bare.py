"""`python -m bench.fanout.bare`: the limit to compare with, a bare loop of socket.send.

Its commands: listen, accept, send.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from bench.fanout.worker import answer
from broadcaster.takeover import BACKLOG, SEND_BUFFER_BYTES


class Bare:
    """Sockets with the options of the broadcaster's, and nothing around them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets: list[socket.socket] = []

    def serve(self) -> None:
        """Do what is told, until nobody tells anything."""
        for line in sys.stdin:
            name, arguments = json.loads(line)
            answer(getattr(self, name)(**arguments))

    def listen(self) -> int:
        """The port."""
        port: int = self._listener.getsockname()[1]
        return port

    def accept(self, number: int) -> int:
        """Take so many connections."""
        for _ in range(number):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            self._sockets.append(sock)
        return number

    def send(self, boards: list[str], interval: float) -> list[float]:
        """Send each board to all, one an interval; when each was begun (Unix s)."""
        sockets, begun = self._sockets, []
        due = time.monotonic()
        for board in boards:
            frame = board.encode("latin-1")
            time.sleep(max(0.0, due - time.monotonic()))
            begun.append(time.time())
            for sock in sockets:
                sock.send(frame)
            due += interval
        return begun


if __name__ == "__main__":
    Bare().serve()
