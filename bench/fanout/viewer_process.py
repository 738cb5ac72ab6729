"""`python -m bench.fanout.viewer_process`: viewers that record which board arrived when.

Its commands are the methods connect, connect_stalled, read_stalled, start_recording,
stop_recording and delays. It connects to the broadcaster, or to the bare loop, which sends the
same frames but has no handshake.
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

from bench.fanout.frame_parser import CLOSE, PING, PONG, board_version, split_received
from bench.fanout.worker import send_reply
from tests.support.broadcaster.frames import handshake_request

HANDSHAKES_AT_ONCE = 128
VIEWERS_PER_ADDRESS = 2_500
READ_BYTES = 64 * 1024
SMALL_BUFFER = 4096


class ViewerProcess:
    """Viewers in one epoll set.

    The records are three columns: the viewer's descriptor, the board version, and the time in
    Unix seconds.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._stalled: list[socket.socket] = []
        self._rest: dict[int, bytes] = {}
        self._last: tuple[bytes, int] = (b"", 0)
        self._viewer, self._version, self._received_at = array("i"), array("q"), array("d")
        self._frames: dict[int, bytes] = {}
        self._recording = False
        self._closed = 0
        self._kind = "websocket"

    def serve(self) -> None:
        """Read from the viewers' sockets and execute commands until stdin is closed."""
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
                send_reply(getattr(self, name)(**arguments))

    def connect(self, port: int, number: int, tokens: list[str], kind: str) -> dict[str, float]:
        """Connect `number` viewers with these tokens in turn; no tokens: no handshake.

        All viewers of a process are of one kind (frame_parser.KINDS).
        """
        self._kind = kind
        started, opening, opened = time.monotonic(), dict[int, socket.socket](), 0
        while len(opening) or opened < number:
            while opened < number and len(opening) < HANDSHAKES_AT_ONCE:
                sock = _open_socket(port, opened)
                if tokens:
                    sock.sendall(_request(kind, tokens[opened % len(tokens)]))
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
                assert head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 200 ")), head
                self._sockets[fileno] = opening.pop(fileno)
                self._rest[fileno] = rest
        return {"seconds": time.monotonic() - started}

    def connect_stalled(
        self, port: int, number: int, tokens: list[str], kind: str
    ) -> dict[str, float]:
        """Connect `number` viewers that never read again after their handshake."""
        for position in range(number):
            sock = _open_socket(port, position, SMALL_BUFFER)
            sock.sendall(_request(kind, tokens[position % len(tokens)]))
            sock.setblocking(True)
            while sock.recv(1) != b"\r" or sock.recv(3) != b"\n\r\n":
                pass
            self._stalled.append(sock)
        return {}

    def read_stalled(self, kind: str) -> dict[str, int]:
        """Read what waits for the stalled viewers and close them; the mean number of boards."""
        boards = 0
        for sock in self._stalled:
            data = b""
            sock.settimeout(0.2)
            with suppress(TimeoutError, ConnectionError):
                while more := sock.recv(READ_BYTES):
                    data += more
            whole = (frame for first, frame in split_received(kind, data) if first)
            boards += sum(1 for frame in whole if board_version(frame))
            sock.close()
        number, self._stalled = len(self._stalled), []
        return {"boards": boards // max(1, number)}

    def start_recording(self) -> dict[str, int]:
        """Delete all records, and record from now on."""
        for column in (self._viewer, self._version, self._received_at):
            del column[:]
        self._frames.clear()
        self._recording = True
        return {"viewers": len(self._sockets)}

    def stop_recording(self) -> dict[str, Any]:
        """Stop recording; returns the number of frames, each board once, and the closed viewers."""
        self._recording = False
        boards = [self._frames[version].decode("latin-1") for version in sorted(self._frames)]
        return {"frames": len(self._viewer), "boards": boards, "closed": self._closed}

    def delays(self, changes: list[tuple[float, int]]) -> dict[str, float]:
        """For each change and viewer: the time from the commit to the first board that shows it.

        `changes` are (time of commit, board version); `missing` counts changes never shown.
        """
        positions_by_viewer: defaultdict[int, list[int]] = defaultdict(list)
        for position, viewer in enumerate(self._viewer):
            positions_by_viewer[viewer].append(position)
        delays, missing = array("d"), 0
        for positions in positions_by_viewer.values():
            waiting = iter(positions)
            next_position = next(waiting, None)
            for committed_at, version in sorted(changes, key=lambda change: change[1]):
                while next_position is not None and self._version[next_position] < version:
                    next_position = next(waiting, None)
                if next_position is None:
                    missing += 1
                else:
                    delays.append(self._received_at[next_position] - committed_at)
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
            # In nearly all cases the bytes are the same as those of the viewer before.
            if self._recording:
                self._record(fileno, self._last[1], now)
        else:
            self._parse(fileno, self._rest.pop(fileno, b"") + data, now)

    def _parse(self, fileno: int, data: bytes, now: float) -> None:
        for first, frame in split_received(self._kind, data):
            if first == 0:
                if frame:
                    self._rest[fileno] = frame
            elif first == PING:
                self._sockets[fileno].send(PONG)
            elif first == CLOSE:
                self._lose(fileno)
                return
            elif (version := board_version(frame)) is not None:
                self._last = (frame, version)
                if self._recording:
                    self._frames[version] = frame
                    self._record(fileno, version, now)

    def _record(self, fileno: int, version: int, now: float) -> None:
        self._viewer.append(fileno)
        self._version.append(version)
        self._received_at.append(now)

    def _lose(self, fileno: int) -> None:
        self._closed += 1
        self._sockets.pop(fileno).close()


def _request(kind: str, token: str) -> bytes:
    if kind == "stream":
        return b"GET /stream HTTP/1.1\r\nHost: scores.example\r\n\r\n"
    headers = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if kind == "deflated" else ""
    return handshake_request(token, headers=headers)


def _open_socket(port: int, position: int, buffer: int | None = None) -> socket.socket:
    sock = socket.socket()
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    # Several loopback addresses, because the ports of one are limited.
    sock.bind((f"127.0.0.{2 + position // VIEWERS_PER_ADDRESS}", 0))
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


if __name__ == "__main__":
    # A collection would delay the records; nothing here creates cycles.
    gc.disable()
    os.set_blocking(sys.stdin.fileno(), True)
    ViewerProcess().serve()
