"""permessage-deflate: what viewers get, and what they may send (RFC 7692).

The cases are those of sections 12 and 13 of the Autobahn test suite for the parts that are used:
sizes, fragments, control frames between fragments, and the examples of the RFC.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import tracemalloc
import zlib
from collections.abc import Sequence

import pytest
from websockets.sync.client import ClientConnection
from wsproto.events import Event, Ping, TextMessage

from app.contract.commands import SUBPROTOCOL
from app.contract.viewers.close_codes import (
    BINARY_MESSAGE,
    INVALID_TEXT,
    MESSAGE_TOO_BIG,
    PROTOCOL_ERROR,
    CloseKind,
)
from broadcaster.viewers.websocket import frames
from broadcaster.viewers.websocket.frame_reader import FrameReader, ProtocolViolated
from tests.support.broadcaster.boards import Boards
from tests.support.broadcaster.harness import BroadcasterHarness

TEXT, BINARY, CONTINUATION, PING = 1, 2, 0, 9
FIN, RSV1, RSV2 = 0x80, 0x40, 0x20
MAX_BYTES = 4096


def frame(first: int, payload: bytes) -> bytes:
    """A masked frame; `first` is its first byte."""
    mask = secrets.token_bytes(4)
    masked = bytes(byte ^ mask[position % 4] for position, byte in enumerate(payload))
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return bytes((first,)) + length + mask + masked


def deflated(text: bytes, bits: int = 15, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits, 8, strategy)
    return (compressor.compress(text) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def read(*parts: bytes) -> list[Event]:
    """The messages that a viewer with compression sends with these bytes."""
    reader = FrameReader(MAX_BYTES, inflates=True)
    return [event for part in parts for event in reader.read(part) if event is not None]


def texts(events: Sequence[Event]) -> list[str]:
    return [event.data for event in events if isinstance(event, TextMessage)]


@pytest.mark.parametrize("size", [0, 1, 16, 125, 126, 127, 1024, MAX_BYTES])
@pytest.mark.parametrize("bits", [9, 12, 15])
def test_compressed_messages_of_all_sizes_are_read(size: int, bits: int) -> None:
    text = secrets.token_hex(size)[:size]
    data = frame(FIN | RSV1 | TEXT, deflated(text.encode(), bits)) * 3
    assert texts(read(data)) == [text] * 3
    assert texts(read(*(data[start : start + 1] for start in range(len(data))))) == [text] * 3


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\xf2\x48\xcd\xc9\xc9\x07\x00", id="7.2.3.1"),
        pytest.param(b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", id="7.2.3.3-stored"),
        pytest.param(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", id="7.2.3.4-final"),
        pytest.param(b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", id="7.2.3.5-two"),
        pytest.param(deflated(b"Hello", strategy=zlib.Z_FIXED), id="fixed"),
        pytest.param(deflated(b"Hello", strategy=zlib.Z_HUFFMAN_ONLY), id="huffman"),
    ],
)
def test_the_examples_of_the_rfc_and_other_blocks_are_read(payload: bytes) -> None:
    assert texts(read(frame(FIN | RSV1 | TEXT, payload))) == ["Hello"]


def test_a_message_in_fragments_with_control_frames_between_them_is_read() -> None:
    payload = deflated("Zoë ✓ 名".encode() * 20)
    third = len(payload) // 3
    events = read(
        frame(RSV1 | TEXT, payload[:third]),
        frame(FIN | PING, b"between"),
        frame(CONTINUATION, b""),
        frame(CONTINUATION, payload[third : 2 * third]),
        frame(FIN | PING, b""),
        frame(FIN | CONTINUATION, payload[2 * third :]),
        frame(FIN | TEXT, b"plain"),
    )
    assert texts(events) == ["Zoë ✓ 名" * 20, "plain"]
    assert [bytes(each.payload) for each in events if isinstance(each, Ping)] == [b"between", b""]


BOMB = deflated(b"\0" * 1_000_000)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (frame(FIN | RSV1 | TEXT, deflated(b"x" * (MAX_BYTES + 1))), MESSAGE_TOO_BIG),
        (frame(FIN | RSV1 | TEXT, BOMB), MESSAGE_TOO_BIG),
        (frame(RSV1 | TEXT, BOMB[:500]), MESSAGE_TOO_BIG),
        (frame(FIN | RSV1 | TEXT, b"\xff\xff\xff"), INVALID_TEXT),
        (frame(FIN | RSV1 | TEXT, deflated(b"\xc3\x28")), INVALID_TEXT),
        (frame(FIN | RSV1 | PING, b""), PROTOCOL_ERROR),
        (frame(TEXT, b"a") + frame(FIN | RSV1 | CONTINUATION, b"b"), PROTOCOL_ERROR),
        (frame(FIN | RSV1 | RSV2 | TEXT, deflated(b"a")), PROTOCOL_ERROR),
        (frame(FIN | RSV1 | BINARY, deflated(b"a")), BINARY_MESSAGE),
    ],
)
def test_invalid_and_too_large_messages_are_refused(data: bytes, kind: CloseKind) -> None:
    with pytest.raises(ProtocolViolated) as refused:
        read(data)
    assert refused.value.close_kind == kind


def test_a_message_that_inflates_to_much_is_not_inflated_beyond_the_limit() -> None:
    tracemalloc.start()
    with pytest.raises(ProtocolViolated):
        read(frame(FIN | RSV1 | TEXT, BOMB))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 200_000


def test_a_compressed_message_without_the_extension_is_refused() -> None:
    with pytest.raises(ProtocolViolated) as refused:
        list(FrameReader(MAX_BYTES, inflates=False).read(frame(FIN | RSV1 | TEXT, b"")))
    assert refused.value.close_kind == PROTOCOL_ERROR


@pytest.mark.parametrize("size", [1, 100, 5_000, 70_000])
def test_a_compressed_frame_holds_the_message_within_its_window(size: int) -> None:
    text = json.dumps([secrets.token_hex(8) for _ in range(size)])
    data = frames.deflated_text(text)
    assert data[0] == 0xC1
    assert not data.endswith(b"\x00\x00\xff\xff")
    head = {126: 4, 127: 10}.get(data[1], 2)
    inflate = zlib.decompressobj(-frames.WINDOW_BITS)
    assert inflate.decompress(data[head:] + b"\x00\x00\xff\xff").decode() == text


@pytest.mark.slow
def test_the_websockets_library_gets_boards_and_sends_commands_compressed(
    broadcaster: BroadcasterHarness,
) -> None:
    boards = Boards(broadcaster)
    board, person = boards.create(), broadcaster.register_player()
    with broadcaster.connect_viewer(query=f"board={board}", compression="deflate") as viewer:
        assert extension(viewer) == (
            "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
        )
        boards.score(person, board, 4)
        events = [json.loads(viewer.recv(10)) for _ in range(3)]
        assert events[-1]["data"]["leaderboard"][0]["score"] == 4
        viewer.send(json.dumps({"type": "watch", "board": "main"}))
        while "board" in json.loads(viewer.recv(10))["data"]:
            pass
    with broadcaster.connect_viewer(compression=None) as viewer:
        assert extension(viewer) is None
        assert json.loads(viewer.recv(10))["event"] == "connected"


def extension(viewer: ClientConnection) -> str | None:
    assert viewer.response is not None
    return viewer.response.headers.get("Sec-WebSocket-Extensions")


@pytest.mark.slow
def test_all_viewers_get_the_same_compressed_bytes_of_a_board(
    broadcaster: BroadcasterHarness,
) -> None:
    token = broadcaster.access_token(broadcaster.register_player())
    received = [second_frame(broadcaster.port, token) for _ in range(2)]
    assert received[0] == received[1]
    assert received[0][0] == 0xC1


def second_frame(port: int, token: str) -> bytes:
    """The bytes of the first board that a viewer gets, after `connected`."""
    request = (
        "GET /ws HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=12\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}, {token}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(request.encode())
        stream = sock.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"server_max_window_bits=12" in head
        read_frame(stream)
        return read_frame(stream)


def read_frame(stream: object) -> bytes:
    head = stream.read(2)  # type: ignore[attr-defined]
    extra = stream.read(2) if head[1] == 126 else b""  # type: ignore[attr-defined]
    size = struct.unpack("!H", extra)[0] if extra else head[1]
    return bytes(head + extra + stream.read(size))  # type: ignore[attr-defined]
