"""`python -m bench.fanout.spectators`: a process of viewers that note which board came when.

Its commands: connect, deafen, begin, end, delays. The same process watches the broadcaster and the
bare loop, which sends the same frames but asks for no handshake.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import sys
import time
from array import array
from collections import defaultdict
from contextlib import suppress
from typing import Any

from bench.fanout.stream import CLOSE, PING, PONG, frames_in, version_in
from bench.fanout.worker import answer

HANDSHAKES_AT_ONCE = 128
VIEWERS_AN_ADDRESS = 2_500
READ_BYTES = 64 * 1024
SMALL_BUFFER = 4096
_KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Spectators:
    """Viewers on one epoll set; records are three columns: who, which version, when (Unix s)."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._deaf: list[socket.socket] = []
        self._rest: dict[int, bytes] = {}
        self._last: tuple[bytes, int] = (b"", 0)
        self._who, self._version, self._when = array("i"), array("q"), array("d")
        self._frames: dict[int, bytes] = {}
        self._recording = False
        self._closed = 0

    def serve(self) -> None:
        """Read what comes and do what is told, until nobody tells anything."""
        commands = sys.stdin.fileno()
        self._epoll.register(commands, select.EPOLLIN)
        while True:
            for number, _ in self._epoll.poll():
                if number != commands:
                    self._read(number)
                    continue
                line = sys.stdin.readline()
                if not line:
                    return
                name, arguments = json.loads(line)
                answer(getattr(self, name)(**arguments))

    def connect(self, port: int, number: int, tokens: list[str]) -> dict[str, float]:
        """So many viewers with these tokens in turn; without any, bare sockets."""
        begun, opening, opened = time.monotonic(), dict[int, socket.socket](), 0
        while len(opening) or opened < number:
            while opened < number and len(opening) < HANDSHAKES_AT_ONCE:
                sock = _dial(port, opened)
                if tokens:
                    sock.sendall(_handshake(tokens[opened % len(tokens)]))
                opening[sock.fileno()] = sock
                opened += 1
                self._epoll.register(sock.fileno(), select.EPOLLIN)
                if not tokens:
                    self._sockets[sock.fileno()] = opening.pop(sock.fileno())
            for fileno, _ in self._epoll.poll(0.01 if opening else 0):
                if fileno not in opening:
                    if fileno in self._sockets:
                        self._read(fileno)
                    continue
                head, _, rest = opening[fileno].recv(READ_BYTES).partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 101 "), head
                self._sockets[fileno] = opening.pop(fileno)
                self._rest[fileno] = rest
        return {"seconds": time.monotonic() - begun}

    def deafen(self, port: int, number: int, tokens: list[str]) -> dict[str, float]:
        """So many viewers that never read again after their handshake."""
        for position in range(number):
            sock = _dial(port, position, SMALL_BUFFER)
            sock.sendall(_handshake(tokens[position % len(tokens)]))
            sock.setblocking(True)
            sock.recv(16)
            self._deaf.append(sock)
        return {}

    def hear(self) -> dict[str, int]:
        """Let the deaf read what waits for them and go; how many boards that was for each."""
        boards = 0
        for sock in self._deaf:
            data = b""
            sock.settimeout(0.2)
            with suppress(TimeoutError, ConnectionError):
                while more := sock.recv(READ_BYTES):
                    data += more
            boards += data.count(b'"leaderboard_update"')
            sock.close()
        number, self._deaf = len(self._deaf), []
        return {"boards": boards // max(1, number)}

    def begin(self) -> dict[str, int]:
        """Record from now on."""
        for column in (self._who, self._version, self._when):
            del column[:]
        self._frames.clear()
        self._recording = True
        return {"viewers": len(self._sockets)}

    def end(self) -> dict[str, Any]:
        """Record no longer; what came: frames over all, and each board once, in order."""
        self._recording = False
        boards = [self._frames[version].decode("latin-1") for version in sorted(self._frames)]
        return {"frames": len(self._who), "boards": boards, "closed": self._closed}

    def delays(self, changes: list[tuple[float, int]]) -> dict[str, float]:
        """Of each change and viewer, from its commit until a board came that shows it."""
        come: defaultdict[int, list[int]] = defaultdict(list)
        for position, viewer in enumerate(self._who):
            come[viewer].append(position)
        delays, missing = array("d"), 0
        for positions in come.values():
            waiting = iter(positions)
            place = next(waiting, None)
            for moment, version in sorted(changes, key=lambda change: change[1]):
                while place is not None and self._version[place] < version:
                    place = next(waiting, None)
                if place is None:
                    missing += 1
                else:
                    delays.append(self._when[place] - moment)
        ranked = sorted(delays)
        share = {"p50": 0.5, "p99": 0.99}
        quantiles = {name: ranked[int(len(ranked) * part)] for name, part in share.items()}
        return {**quantiles, "max": ranked[-1], "missing": missing}

    def _read(self, fileno: int) -> None:
        try:
            data = self._sockets[fileno].recv(READ_BYTES)
        except OSError:
            data = b""
        now = time.time()
        if not data:
            self._lose(fileno)
        elif data == self._last[0]:
            # Nearly always: the same bytes as the viewer before.
            if self._recording:
                self._note(fileno, self._last[1], now)
        else:
            self._take(fileno, self._rest.pop(fileno, b"") + data, now)

    def _take(self, fileno: int, data: bytes, now: float) -> None:
        for first, frame in frames_in(data):
            if first == 0:
                if frame:
                    self._rest[fileno] = frame
            elif first == PING:
                self._sockets[fileno].send(PONG)
            elif first == CLOSE:
                self._lose(fileno)
                return
            elif (version := version_in(frame)) is not None:
                self._last = (frame, version)
                if self._recording:
                    self._frames[version] = frame
                    self._note(fileno, version, now)

    def _note(self, fileno: int, version: int, now: float) -> None:
        self._who.append(fileno)
        self._version.append(version)
        self._when.append(now)

    def _lose(self, fileno: int) -> None:
        self._closed += 1
        self._sockets.pop(fileno).close()


def _dial(port: int, position: int, buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    # More addresses of the loopback, because each has only so many ports.
    sock.bind((f"127.0.0.{2 + position // VIEWERS_AN_ADDRESS}", 0))
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def _handshake(token: str) -> bytes:
    return (
        "GET /ws HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {_KEY}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()


if __name__ == "__main__":
    # Collecting would hold up the noting; nothing here makes cycles.
    gc.disable()
    os.set_blocking(sys.stdin.fileno(), True)
    Spectators().serve()
