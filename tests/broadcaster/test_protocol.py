"""What viewers send: used, answered or refused with the right close code, harming nobody else."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from broadcaster.viewer import GRACE_SECONDS
from tests.awaiting import await_true
from tests.broadcaster.frames_in import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    BareViewer,
    bare_viewer,
    frame,
    say,
)
from tests.broadcaster.stage import Stage

pytestmark = pytest.mark.slow


@pytest.fixture
def viewer(stage: Stage) -> Iterator[BareViewer]:
    """A viewer who has the board."""
    with bare_viewer(stage.port, stage.access_token(stage.person())) as bare:
        bare.next_event("leaderboard_update")
        yield bare


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


@pytest.mark.parametrize("what", BROKEN)
def test_what_breaks_the_protocol_is_closed_with_its_code(
    stage: Stage, viewer: BareViewer, what: str
) -> None:
    sent, code = BROKEN[what]
    with stage.watch() as other:
        viewer.send(sent)
        events = list(viewer.events())
        assert viewer.closed_with == code
        assert events[-1]["event"] == "disconnect"
        other.send('{"type": "ping"}')
        assert [json.loads(other.recv(2))["event"] for _ in range(3)][-1] == "pong"


def test_the_largest_message_is_read(viewer: BareViewer) -> None:
    padding = " " * (4096 - len('{"type":"ping"}'))
    viewer.send(frame(TEXT, f'{{"type":"ping"{padding}}}'.encode()))
    viewer.next_event("pong")


def test_a_message_in_pieces_is_one_message(viewer: BareViewer) -> None:
    message = '{"type": "ping", "é": 1}'.encode()
    # Cut within the two bytes of é, with a ping between the pieces.
    cut = message.index("é".encode()) + 1
    viewer.send(frame(TEXT, message[:cut], final=False) + frame(PING, b"between"))
    assert viewer.next_event("PONG")["data"] == b"between"
    rest = frame(CONTINUATION, b"", final=False) + frame(CONTINUATION, message[cut:])
    for position in range(len(rest)):
        viewer.send(rest[position : position + 1])
    viewer.next_event("pong")


USELESS: dict[str, Any] = {
    "an unknown type": {"type": "dance"},
    "no type": {},
    "a list": ["ping"],
    "a number": 1,
    "auth without a token": {"type": "auth"},
    "auth with a number": {"type": "auth", "token": 1},
}


@pytest.mark.parametrize("what", USELESS)
def test_a_message_that_cannot_be_used_is_answered_with_an_error(
    viewer: BareViewer, what: str
) -> None:
    viewer.send(say(USELESS[what]))
    assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"
    viewer.send(say({"type": "ping"}))
    viewer.next_event("pong")


@pytest.mark.parametrize("text", [b"", b"hello", b"[" * 4000, b"NaN", b"\x00"])
def test_text_that_is_not_json_is_answered_with_an_error(viewer: BareViewer, text: bytes) -> None:
    viewer.send(frame(TEXT, text))
    assert viewer.next_event("error")["data"]["code"] == "MESSAGE_INVALID"


def test_a_close_frame_is_answered_and_the_socket_closed(viewer: BareViewer) -> None:
    viewer.send(frame(CLOSE, struct.pack("!H", 1000) + b"bye"))
    assert viewer.close_code() == 1000
    viewer.sock.settimeout(GRACE_SECONDS / 2)
    assert viewer.sock.recv(1) == b""


def test_who_says_too_much_is_closed(viewer: BareViewer) -> None:
    viewer.send(say({"type": "ping"}) * 200)
    assert viewer.close_code() == 1008


def test_empty_fragments_count_too(viewer: BareViewer) -> None:
    viewer.send(frame(TEXT, b"", final=False) + frame(CONTINUATION, b"", final=False) * 200)
    assert viewer.close_code() == 1008


def test_forty_messages_at_once_are_answered(viewer: BareViewer) -> None:
    viewer.send(say({"type": "ping"}) * 39)
    pongs = [event for event in islice(viewer.events(), 39) if event["event"] == "pong"]
    assert len(pongs) == 39


def test_who_floods_and_never_reads_is_got_rid_of(stage: Stage) -> None:
    before = stage.descriptors()
    with bare_viewer(stage.port, stage.access_token(stage.person()), receive_buffer=4096) as flood:
        with pytest.raises((ConnectionError, TimeoutError)):
            while True:
                flood.send(frame(PING, b"x" * 100) * 100)
        await_true(lambda: stage.descriptors() <= before, 5)


def test_no_descriptor_is_left_however_viewers_go(stage: Stage) -> None:
    before = stage.descriptors()
    for last_words in (b"", frame(CLOSE, b""), frame(TEXT, b"\xff"), b"\x81"):
        with bare_viewer(stage.port, stage.access_token(stage.person())) as leaving:
            leaving.send(last_words)
    await_true(lambda: stage.descriptors() <= before, 5)
