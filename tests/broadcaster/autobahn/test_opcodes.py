"""Group 4, opcodes that no RFC has given a meaning."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    HELLO,
    PROTOCOL_ERROR,
    Case,
    Conversation,
    chopped,
)
from tests.support.broadcaster.frames import PING, TEXT, frame

pytestmark = pytest.mark.slow

PAYLOAD = b"reserved opcode payload"


def cases(first: int) -> dict[int, Case]:
    """The cases of the five opcodes from this one on, by their last number."""

    def after_a_message(opcode: int, payload: bytes) -> list[bytes]:
        """The ping at the end must not be answered."""
        return [frame(TEXT, HELLO), frame(opcode, payload), frame(PING, b"")]

    third = after_a_message(first + 2, b"")
    fifth = after_a_message(first + 4, PAYLOAD)
    return {
        1: Case([frame(first, b"")], code=PROTOCOL_ERROR),
        2: Case([frame(first + 1, PAYLOAD)], code=PROTOCOL_ERROR),
        3: Case([b"".join(third)], ["error"], code=PROTOCOL_ERROR),
        4: Case(after_a_message(first + 3, PAYLOAD), ["error"], code=PROTOCOL_ERROR),
        5: Case(chopped(b"".join(fifth)), ["error"], code=PROTOCOL_ERROR),
    }


CASES = {f"4.1.{number}": case for number, case in cases(0x3).items()} | {
    f"4.2.{number}": case for number, case in cases(0xB).items()
}


@pytest.mark.parametrize("number", CASES)
def test_opcodes(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
