"""Malicious viewers; tests/broadcaster tests the rules of the protocol and slow readers."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.security.fuzz.effort import FACTOR
from tests.security.viewers import sees_the_board
from tests.support.broadcaster.frames import (
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    RawViewer,
    frame,
    json_frame,
    raw_viewer,
)
from tests.support.system.harness import SystemHarness
from tests.support.system.player import Player

pytestmark = pytest.mark.slow

GARBAGE, SEED = 60 * FACTOR, 8


@contextmanager
def viewer(system: SystemHarness, player: Player) -> Iterator[RawViewer]:
    """A viewer that has received the board."""
    with raw_viewer(system.broadcaster_port, player.access_token) as bare:
        bare.next_event("leaderboard_update")
        yield bare


def frame_head(length: int, *, opcode: int = TEXT) -> bytes:
    """The head of a masked frame of this length, in the longest encoding of the length."""
    return struct.pack("!BBQ", 0x80 | opcode, 0xFF, length) + b"mask" + b"x" * 100


ENDLESS: dict[str, tuple[bytes, int]] = {
    "a frame of 8 exabytes": (frame_head(2**63 - 1), 1009),
    "a length with its first bit set": (frame_head(2**63), 1002),
    "a frame of 4 gigabytes": (frame_head(2**32), 1009),
    "a length in more bytes than necessary": (frame_head(100), 1002),
    "a close frame of a megabyte": (frame_head(2**20, opcode=CLOSE), 1002),
    "a ping of a megabyte": (frame_head(2**20, opcode=PING), 1002),
    "one byte in a fragment, five thousand times": (
        frame(TEXT, b"x", final=False) + frame(CONTINUATION, b"x", final=False) * 5000,
        1008,
    ),
    "endless pings between fragments": (
        frame(TEXT, b"x", final=False) + frame(PING, b"") * 500,
        1008,
    ),
    "text after the close frame": (
        frame(CLOSE, struct.pack("!H", 1000)) + json_frame({}) * 9,
        1000,
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_endless_message_or_frame_is_closed(
    running_system: SystemHarness, player: Player, what: str
) -> None:
    sent, code = ENDLESS[what]
    with viewer(running_system, player) as bare:
        bare.send(sent)
        assert bare.close_code() == code
    assert sees_the_board(running_system, player)


def test_every_frame_needs_a_mask(running_system: SystemHarness, player: Player) -> None:
    good = frame(TEXT, b'{"type":', final=False)
    for rest in (frame(CONTINUATION, b'"ping"}', mask=False), frame(PING, b"", mask=False)):
        with viewer(running_system, player) as bare:
            bare.send(good + rest)
            assert bare.close_code() == 1002


def test_any_mask_is_unmasked(running_system: SystemHarness, player: Player) -> None:
    text = b'{"type":"ping"}'
    with viewer(running_system, player) as bare:
        for mask in (b"\0\0\0\0", b"\xff\xff\xff\xff", text[:4]):
            masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
            bare.send(struct.pack("!BB", 0x81, 0x80 | len(text)) + mask + masked)
            bare.next_event("pong")


def test_a_slow_frame_delays_no_other_viewer(running_system: SystemHarness, player: Player) -> None:
    message = json_frame({"type": "ping"})
    with ExitStack() as stack:
        slow = [stack.enter_context(viewer(running_system, player)) for _ in range(20)]
        other = stack.enter_context(viewer(running_system, player))
        for position in range(len(message) - 1):
            for each in slow:
                each.send(message[position : position + 1])
            if position % 4 == 0:
                other.send(message)
                other.next_event("pong")
        other.send(json_frame({"type": "watch_me"}))
        assert other.next_event("rank_update")["data"]["score"] == 0
        player.score_point()
        assert other.next_event("rank_update")["data"]["score"] == 1
        for each in slow:
            each.send(message[-1:])
            each.next_event("pong")


def test_garbage_is_closed_without_an_internal_error(
    running_system: SystemHarness, player: Player
) -> None:
    chance, before = random.Random(SEED), len(running_system.log("broadcaster"))
    for _ in range(GARBAGE):
        with viewer(running_system, player) as bare:
            bare.send(chance.randbytes(chance.randint(2, 4000)) + b"\x88\x82mask\x6e\x89")
            assert bare.close_code() in {1000, 1002, 1007, 1008, 1009, None}
    assert sees_the_board(running_system, player)
    assert "Traceback" not in running_system.log("broadcaster")[before:]
