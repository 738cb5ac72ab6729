"""Groups 9 and 10, limits: the suite sends up to 16 MiB; this server reads MAX_MESSAGE_BYTES."""

from __future__ import annotations

import struct

import pytest

from tests.broadcaster.autobahn.conversation import (
    POLICY,
    TOO_BIG,
    Case,
    Conversation,
    chopped,
    fragments,
)
from tests.support.broadcaster.frames import BINARY, CONTINUATION, FINAL, TEXT, frame

pytestmark = pytest.mark.slow

KIB = 1024
MAX_BYTES = 4 * KIB
SIZES = (64, 256, 1 * KIB, 4 * KIB, 8 * KIB, 16 * KIB)
"""In KiB, of whole frames."""


def in_fragments_of(size: int, total: int) -> list[bytes]:
    return fragments(*chopped(b"*" * total, size))


def refused_at_its_begin(opcode: int, kibibytes: int, code: int) -> Case:
    """Only the begin of the frame is sent: the rest of it may never come."""
    head = struct.pack("!BBQ", FINAL | opcode, 0x80 | 127, kibibytes * KIB)
    return Case([head + b"mask" + b"x" * 100], code=code)


CASES = {
    **{
        f"9.1.{number}": refused_at_its_begin(TEXT, size, TOO_BIG)
        for number, size in enumerate(SIZES, 1)
    },
    **{
        f"9.2.{number}": refused_at_its_begin(BINARY, size, POLICY)
        for number, size in enumerate(SIZES, 1)
    },
    # More frames than MESSAGES_PER_SECOND allows at once.
    "9.3.1": Case(in_fragments_of(64, MAX_BYTES), code=POLICY),
    "9.3.2": Case(in_fragments_of(256, MAX_BYTES), ["error"]),
    "9.3.2, one byte more": Case(in_fragments_of(256, MAX_BYTES + 1), code=TOO_BIG),
    "9.3.3": Case(in_fragments_of(KIB, MAX_BYTES), ["error"]),
    "9.3.3, one byte more": Case(in_fragments_of(KIB, MAX_BYTES + 1), code=TOO_BIG),
    "9.3.4": Case(in_fragments_of(4 * KIB, MAX_BYTES), ["error"]),
    "9.3.5": Case(in_fragments_of(4 * KIB, 4 * MAX_BYTES), code=TOO_BIG),
    "9.4.1": Case([frame(BINARY, b"\xfe" * 64, final=False)], code=POLICY),
    **{
        f"9.5.{number}": Case(chopped(frame(TEXT, b"*" * MAX_BYTES), size), ["error"])
        for number, size in enumerate((64, 128, 256, 512, 1 * KIB, 2 * KIB), 1)
    },
    # Each message is answered: 20 of them in a row do not exceed MESSAGES_PER_SECOND.
    **{
        f"9.8.{number}": Case([frame(TEXT, b"*" * size)] * 20, ["error"] * 20)
        for number, size in enumerate((0, 16, 64, 256, KIB, 4 * KIB), 1)
    },
    # A message without an end.
    "9.9.1": Case(
        [frame(TEXT, b"*" * 4000, final=False), frame(CONTINUATION, b"*" * 4000, final=False)],
        code=TOO_BIG,
    ),
    "10.1.1": Case(in_fragments_of(1300, MAX_BYTES), ["error"]),
}


@pytest.mark.parametrize("number", CASES)
def test_limits(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
