"""Viewers that speak bare bytes, and a strict reading of what they are sent."""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0
FINAL = 0x80
_KEY = b"\x0f\xf0\x33\xcc"
READ_SECONDS = 5.0
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
"""The headers of an opening request."""


def frame(opcode: int, payload: bytes, *, final: bool = True, mask: bool = True) -> bytes:
    """A client's frame (RFC 6455, section 5.2), wrong ones too."""
    first = opcode | (FINAL if final else 0)
    if len(payload) < 126:
        head = struct.pack("!BB", first, len(payload) | (0x80 if mask else 0))
    else:
        head = struct.pack("!BBH", first, 126 | (0x80 if mask else 0), len(payload))
    if not mask:
        return head + payload
    return head + _KEY + bytes(byte ^ _KEY[i % 4] for i, byte in enumerate(payload))


def say(message: Any) -> bytes:
    """A text frame with this JSON."""
    return frame(TEXT, json.dumps(message).encode())


def handshake(token: str, *, headers: str = "") -> bytes:
    """The opening request."""
    return (
        "GET /ws HTTP/1.1\r\nHost: scores.example\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
        + f"Authorization: Bearer {token}\r\n{headers}\r\n"
    ).encode()


@dataclass
class BareViewer:
    """A socket after its handshake; every byte that it is sent has to be valid."""

    sock: socket.socket
    closed_with: int | None = None
    """The code of the close frame, once one came."""
    _frames: Connection = field(default_factory=lambda: Connection(ConnectionType.CLIENT))
    _come: deque[Event] = field(default_factory=deque)

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def events(self) -> Iterator[dict[str, Any]]:
        """The events that come, until the close frame or the end; frames as {"event": "PONG"}."""
        text = ""
        while (event := self._next_frame()) is not None:
            if isinstance(event, CloseConnection):
                # wsproto says so too of what it can't read.
                assert self._frames.state is ConnectionState.REMOTE_CLOSING, event.reason
                self.closed_with = event.code
                return
            if isinstance(event, TextMessage):
                text += event.data
                if event.message_finished:
                    complete, text = text, ""
                    yield json.loads(complete)
            else:
                assert isinstance(event, Ping | Pong)
                yield {"event": type(event).__name__.upper(), "data": bytes(event.payload)}

    def next_event(self, name: str) -> dict[str, Any]:
        """The next event of that name, whatever comes before."""
        for event in self.events():
            if event["event"] == name:
                return event
        raise AssertionError(f"closed with {self.closed_with} before {name}")

    def close_code(self) -> int | None:
        """Read to the end; the close frame's code, None when none came."""
        for _ in self.events():
            pass
        return self.closed_with

    def _next_frame(self) -> Event | None:
        while not self._come:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._frames.receive_data(data)
            self._come.extend(self._frames.events())
        return self._come.popleft()


@contextmanager
def bare_viewer(
    port: int, token: str, *, right_behind: bytes = b"", receive_buffer: int | None = None
) -> Iterator[BareViewer]:
    """A viewer whose handshake is done; `right_behind` goes out together with the request."""
    with socket.socket() as sock:
        sock.settimeout(READ_SECONDS)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(("127.0.0.1", port))
        sock.sendall(handshake(token) + right_behind)
        reply = b""
        while not reply.endswith(b"\r\n\r\n"):
            # One byte at a time, so that no frame is taken with it.
            byte = sock.recv(1)
            assert byte, reply
            reply += byte
        assert reply.startswith(b"HTTP/1.1 101 "), reply
        yield BareViewer(sock)
