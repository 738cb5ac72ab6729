"""`python -m bench.fanout.bare_loop`: the limit to compare with, a bare loop of socket.send.

Its commands are the methods listen, accept and send.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from bench.fanout.worker import send_reply
from broadcaster.handshake.socket_handover import BACKLOG, SEND_BUFFER_BYTES


class BareLoop:
    """Sockets with the same options as the broadcaster's, and nothing else."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sockets: list[socket.socket] = []

    def serve(self) -> None:
        """Execute commands until stdin is closed."""
        for line in sys.stdin:
            name, arguments = json.loads(line)
            send_reply(getattr(self, name)(**arguments))

    def listen(self) -> int:
        """The port."""
        port: int = self._listener.getsockname()[1]
        return port

    def accept(self, number: int) -> int:
        """Accept `number` connections."""
        for _ in range(number):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            self._sockets.append(sock)
        return number

    def send(self, boards: list[str], interval: float) -> list[float]:
        """Send a board to all sockets every `interval` seconds; returns the start times."""
        sockets, started = self._sockets, []
        due = time.monotonic()
        for board in boards:
            frame = board.encode("latin-1")
            time.sleep(max(0.0, due - time.monotonic()))
            started.append(time.time())
            for sock in sockets:
                sock.send(frame)
            due += interval
        return started


if __name__ == "__main__":
    BareLoop().serve()
