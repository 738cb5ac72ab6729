"""What viewers send: answered, or refused with the right close code, without effect on others."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from broadcaster.viewers.connection import CLOSE_SECONDS
from tests.support.broadcaster.frames import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    RawViewer,
    frame,
    json_frame,
    raw_viewer,
)
from tests.support.broadcaster.harness import BroadcasterHarness
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@pytest.fixture
def viewer(broadcaster: BroadcasterHarness) -> Iterator[RawViewer]:
    """A viewer that has received the board."""
    with raw_viewer(
        broadcaster.port, broadcaster.access_token(broadcaster.register_player())
    ) as raw:
        raw.next_event("leaderboard_update")
        yield raw


BROKEN = {
    "an unmasked frame": (frame(TEXT, b"{}", mask=False), 1002),
    "a reserved bit": (b"\xc1" + frame(TEXT, b"{}")[1:], 1002),
    "an unknown opcode": (frame(0x3, b"{}"), 1002),
    "a fragmented ping": (frame(PING, b"", final=False), 1002),
    "a ping of 126 bytes": (frame(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame(CONTINUATION, b"{}"), 1002),
    "a message within a message": (frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
    "a close frame of one byte": (frame(CLOSE, b"x"), 1002),
    "a reserved close code": (frame(CLOSE, struct.pack("!H", 1005)), 1002),
    "text that is not UTF-8": (frame(TEXT, b'"\xff"'), 1007),
    "half a character at the end": (frame(TEXT, b'"\xc3'), 1007),
    "a reason that is not UTF-8": (frame(CLOSE, struct.pack("!H", 1000) + b"\xff"), 1007),
    "a message of 4097 bytes": (frame(TEXT, b"x" * 4097), 1009),
    "fragments of 4097 bytes": (
        frame(TEXT, b"x" * 4000, final=False) + frame(CONTINUATION, b"x" * 97),
        1009,
    ),
    "4097 bytes in fewer characters": (frame(TEXT, "é".encode() * 2049), 1009),
    "binary": (frame(BINARY, b"{}"), 1008),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 1002),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 1002),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_viewer_that_violates_the_protocol_is_closed_with_the_right_code(
    broadcaster: BroadcasterHarness, viewer: RawViewer, case: str
) -> None:
    data, code = BROKEN[case]
    with broadcaster.connect_viewer() as other:
        viewer.send(data)
        events = list(viewer.events())
        assert viewer.closed_with == code
        assert events[-1]["event"] == "disconnect"
        other.send('{"type": "ping"}')
        assert [json.loads(other.recv(2))["event"] for _ in range(3)][-1] == "pong"


def test_a_message_of_the_maximum_size_is_read(viewer: RawViewer) -> None:
    padding = " " * (4096 - len('{"type":"ping"}'))
    viewer.send(frame(TEXT, f'{{"type":"ping"{padding}}}'.encode()))
    viewer.next_event("pong")


def test_fragments_are_joined_to_one_message(viewer: RawViewer) -> None:
    message = '{"type": "ping", "é": 1}'.encode()
    # Split within the two bytes of é, with a ping between the fragments.
    cut = message.index("é".encode()) + 1
    viewer.send(frame(TEXT, message[:cut], final=False) + frame(PING, b"between"))
    assert viewer.next_event("PONG")["data"] == b"between"
    rest = frame(CONTINUATION, b"", final=False) + frame(CONTINUATION, message[cut:])
    for position in range(len(rest)):
        viewer.send(rest[position : position + 1])
    viewer.next_event("pong")


INVALID: dict[str, Any] = {
    "an unknown type": {"type": "dance"},
    "no type": {},
    "a list": ["ping"],
    "a number": 1,
    "auth without a token": {"type": "auth"},
    "auth with a number": {"type": "auth", "token": 1},
}


@pytest.mark.parametrize("case", INVALID)
def test_a_message_that_is_no_command_is_answered_with_an_error(
    viewer: RawViewer, case: str
) -> None:
    viewer.send(json_frame(INVALID[case]))
    assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"
    viewer.send(json_frame({"type": "ping"}))
    viewer.next_event("pong")


@pytest.mark.parametrize("text", [b"", b"hello", b"[" * 4000, b"NaN", b"\x00"])
def test_text_that_is_not_json_is_answered_with_an_error(viewer: RawViewer, text: bytes) -> None:
    viewer.send(frame(TEXT, text))
    assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"


def test_a_close_frame_is_answered_and_the_socket_closed(viewer: RawViewer) -> None:
    viewer.send(frame(CLOSE, struct.pack("!H", 1000) + b"bye"))
    assert viewer.close_code() == 1000
    viewer.sock.settimeout(CLOSE_SECONDS / 2)
    assert viewer.sock.recv(1) == b""


def test_a_viewer_that_sends_too_many_messages_is_closed(viewer: RawViewer) -> None:
    viewer.send(json_frame({"type": "ping"}) * 200)
    assert viewer.close_code() == 1008


def test_empty_fragments_count_as_messages(viewer: RawViewer) -> None:
    viewer.send(frame(TEXT, b"", final=False) + frame(CONTINUATION, b"", final=False) * 200)
    assert viewer.close_code() == 1008


def test_forty_messages_at_once_are_answered(viewer: RawViewer) -> None:
    viewer.send(json_frame({"type": "ping"}) * 39)
    pongs = [event for event in islice(viewer.events(), 39) if event["event"] == "pong"]
    assert len(pongs) == 39


def test_a_viewer_that_floods_and_never_reads_is_dropped(broadcaster: BroadcasterHarness) -> None:
    before = broadcaster.open_connections()
    with raw_viewer(
        broadcaster.port,
        broadcaster.access_token(broadcaster.register_player()),
        receive_buffer=4096,
    ) as flood:
        with pytest.raises((ConnectionError, TimeoutError)):
            while True:
                flood.send(frame(PING, b"x" * 100) * 100)
        await_true(lambda: broadcaster.open_connections() <= before, 10)


def test_no_descriptor_stays_open_however_a_viewer_leaves(broadcaster: BroadcasterHarness) -> None:
    before = broadcaster.open_connections()
    for last_bytes in (b"", frame(CLOSE, b""), frame(TEXT, b"\xff"), b"\x81"):
        with raw_viewer(
            broadcaster.port, broadcaster.access_token(broadcaster.register_player())
        ) as leaving:
            leaving.send(last_bytes)
    await_true(lambda: broadcaster.open_connections() <= before, 10)
