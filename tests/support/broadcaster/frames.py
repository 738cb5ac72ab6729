"""Viewers that send raw bytes, and check strictly what they receive."""

from __future__ import annotations

import json
import socket
import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.extensions import Extension

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
CONTINUATION = 0x0
FINAL = 0x80
_KEY = b"\x0f\xf0\x33\xcc"
READ_SECONDS = 10.0
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
"""The headers of a handshake's request."""


def frame(
    opcode: int, payload: bytes, *, final: bool = True, mask: bool = True, reserved: int = 0
) -> bytes:
    """A client's frame (RFC 6455, section 5.2); the arguments can make it invalid.

    `reserved` are the three reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3.
    """
    first = opcode | (FINAL if final else 0) | reserved << 4
    if len(payload) < 126:
        head = struct.pack("!BB", first, len(payload) | (0x80 if mask else 0))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, 126 | (0x80 if mask else 0), len(payload))
    else:
        head = struct.pack("!BBQ", first, 127 | (0x80 if mask else 0), len(payload))
    if not mask:
        return head + payload
    return head + _KEY + bytes(byte ^ _KEY[i % 4] for i, byte in enumerate(payload))


def json_frame(message: Any) -> bytes:
    """A text frame with this message as JSON."""
    return frame(TEXT, json.dumps(message).encode())


def handshake_request(token: str, *, headers: str = "") -> bytes:
    """The request of a handshake."""
    return (
        "GET /ws HTTP/1.1\r\nHost: scores.example\r\n"
        + "".join(f"{name}: {value}\r\n" for name, value in UPGRADE.items())
        + f"Authorization: Bearer {token}\r\n{headers}\r\n"
    ).encode()


@dataclass
class RawViewer:
    """A socket after its handshake; asserts that each byte that it receives is valid."""

    sock: socket.socket
    closed_with: int | None = None
    """The code of the close frame that was received."""
    reply: bytes = b""
    """The server's reply to the handshake."""
    extensions: Sequence[Extension] = ()
    """What was negotiated; without one, a frame with a reserved bit is invalid."""
    _frames: Connection = field(init=False)
    _received: deque[Event] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._frames = Connection(ConnectionType.CLIENT, list(self.extensions))

    def send(self, data: bytes) -> None:
        """Send these bytes."""
        self.sock.sendall(data)

    def events(self) -> Iterator[dict[str, Any]]:
        """The events until the close frame or the end; control frames as {"event": "PONG"}."""
        text = ""
        while (event := self._next_frame()) is not None:
            if isinstance(event, CloseConnection):
                # wsproto also reports invalid bytes as a close frame.
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
        """Skip to the next event of that name."""
        for event in self.events():
            if event["event"] == name:
                return event
        raise AssertionError(f"closed with {self.closed_with} before {name}")

    def close_code(self) -> int | None:
        """Read to the end; the code of the close frame, None if there was none."""
        for _ in self.events():
            pass
        return self.closed_with

    def _next_frame(self) -> Event | None:
        while not self._received:
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._frames.receive_data(data)
            self._received.extend(self._frames.events())
        return self._received.popleft()


@contextmanager
def raw_viewer(
    port: int,
    token: str,
    *,
    early: bytes = b"",
    receive_buffer: int | None = None,
    headers: str = "",
    extensions: Sequence[Extension] = (),
) -> Iterator[RawViewer]:
    """A viewer after its handshake; `early` is sent together with the request."""
    with socket.socket() as sock:
        sock.settimeout(READ_SECONDS)
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.connect(("127.0.0.1", port))
        sock.sendall(handshake_request(token, headers=headers) + early)
        reply = b""
        while not reply.endswith(b"\r\n\r\n"):
            # One byte at a time, so that no byte of a frame is read.
            byte = sock.recv(1)
            assert byte, reply
            reply += byte
        assert reply.startswith(b"HTTP/1.1 101 "), reply
        yield RawViewer(sock, reply=reply, extensions=extensions)
