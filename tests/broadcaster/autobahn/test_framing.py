"""Group 1, framing: messages of all lengths; this server has no binary ones."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    POLICY,
    TOO_BIG,
    Case,
    Conversation,
    chopped,
)
from tests.support.broadcaster.frames import BINARY, TEXT, frame

pytestmark = pytest.mark.slow

SIZES = (0, 125, 126, 127, 128, 65535, 65536)
MAX_BYTES = 4096


def text(size: int) -> Case:
    sent = [frame(TEXT, b"*" * size)]
    return Case(sent, ["error"]) if size <= MAX_BYTES else Case(sent, code=TOO_BIG)


CASES = {f"1.1.{number}": text(size) for number, size in enumerate(SIZES, 1)} | {
    "1.1.8": Case(chopped(frame(TEXT, b"*" * 65536), 997), code=TOO_BIG),
    # The largest message that this server reads, beside those of the suite.
    "1.1.8, of the maximum size": Case(chopped(frame(TEXT, b"*" * MAX_BYTES), 997), ["error"]),
    **{
        f"1.2.{number}": Case([frame(BINARY, b"\xfe" * size)], code=POLICY)
        for number, size in enumerate(SIZES, 1)
    },
    "1.2.8": Case(chopped(frame(BINARY, b"\xfe" * 65536), 997), code=POLICY),
}


@pytest.mark.parametrize("number", CASES)
def test_framing(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
