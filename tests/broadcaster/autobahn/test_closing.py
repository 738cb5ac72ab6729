"""Group 7, the closing handshake: answered once, and nothing after it."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    HELLO,
    INVALID_TEXT,
    NORMAL,
    PROTOCOL_ERROR,
    TOO_BIG,
    Case,
    Conversation,
    close_frame,
    fragments,
)
from tests.support.broadcaster.frames import CLOSE, PING, TEXT, frame

pytestmark = pytest.mark.slow

VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
INVALID = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
NOT_UTF8 = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
NO_CODE = 1005
"""Stands for a close frame without a code (section 7.1.5)."""
CLOSING = close_frame(NORMAL)
FRAGMENTS = fragments(b"fragment1", b"fragment2")

CASES = {
    "7.1.1": Case([frame(TEXT, HELLO)], ["error"]),
    "7.1.2": Case([CLOSING, frame(CLOSE, b"")], code=NORMAL),
    "7.1.3": Case([CLOSING, frame(PING, b"")], code=NORMAL),
    "7.1.4": Case([CLOSING, frame(TEXT, HELLO)], code=NORMAL),
    "7.1.5": Case([FRAGMENTS[0], CLOSING, FRAGMENTS[1]], code=NORMAL),
    "7.1.6": Case(
        [frame(TEXT, b"*" * 256 * 1024), frame(TEXT, HELLO), CLOSING, frame(PING, b"")],
        code=TOO_BIG,
    ),
    "7.3.1": Case([frame(CLOSE, b"")], code=NO_CODE),
    "7.3.2": Case([frame(CLOSE, b"a")], code=PROTOCOL_ERROR),
    "7.3.3": Case([CLOSING], code=NORMAL),
    "7.3.4": Case([close_frame(NORMAL, b"Hello World!")], code=NORMAL),
    "7.3.5": Case([close_frame(NORMAL, b"*" * 123)], code=NORMAL),
    "7.3.6": Case([close_frame(NORMAL, b"*" * 124)], code=PROTOCOL_ERROR),
    "7.5.1": Case([close_frame(NORMAL, NOT_UTF8)], code=INVALID_TEXT),
    **{
        f"7.7.{number}": Case([close_frame(code)], code=code)
        for number, code in enumerate(VALID, 1)
    },
    **{
        f"7.9.{number}": Case([close_frame(code)], code=PROTOCOL_ERROR)
        for number, code in enumerate(INVALID, 1)
    },
    "7.13.1": Case([close_frame(5000)], code=PROTOCOL_ERROR),
    "7.13.2": Case([close_frame(65535)], code=PROTOCOL_ERROR),
}


@pytest.mark.parametrize("number", CASES)
def test_closing(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
