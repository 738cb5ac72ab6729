"""Group 3, reserved bits: invalid as long as no extension has given them a meaning."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    HELLO,
    PROTOCOL_ERROR,
    Case,
    Conversation,
    chopped,
)
from tests.support.broadcaster.frames import BINARY, CLOSE, PING, TEXT, frame

pytestmark = pytest.mark.slow


def after_a_message(reserved: int) -> list[bytes]:
    """A message, another one with these bits, and a ping, which must not be answered."""
    return [frame(TEXT, HELLO), frame(TEXT, HELLO, reserved=reserved), frame(PING, b"")]


CASES = {
    "3.1": Case([frame(TEXT, HELLO, reserved=1)], code=PROTOCOL_ERROR),
    "3.2": Case([b"".join(after_a_message(2))], ["error"], code=PROTOCOL_ERROR),
    "3.3": Case(after_a_message(3), ["error"], code=PROTOCOL_ERROR),
    "3.4": Case(chopped(b"".join(after_a_message(4))), ["error"], code=PROTOCOL_ERROR),
    "3.5": Case([frame(BINARY, b"\x00\xff", reserved=5)], code=PROTOCOL_ERROR),
    "3.6": Case([frame(PING, HELLO, reserved=6)], code=PROTOCOL_ERROR),
    "3.7": Case([frame(CLOSE, b"", reserved=7)], code=PROTOCOL_ERROR),
}


@pytest.mark.parametrize("number", CASES)
def test_reserved_bits(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
