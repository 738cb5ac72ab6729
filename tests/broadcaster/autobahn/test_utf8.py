"""Group 6, UTF-8: by Markus Kuhn's stress test, whole and in fragments."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    INVALID_TEXT,
    Case,
    Conversation,
    chopped,
    fragments,
)
from tests.broadcaster.autobahn.utf8_sequences import KOSME, SEQUENCES
from tests.support.broadcaster.frames import CONTINUATION, TEXT, frame

pytestmark = pytest.mark.slow

GREETING = "Hello-µ@ßöäüàá-UTF-8!!".encode()
NOT_UTF8 = KOSME + b"\xed\xa0\x80edited"
BEYOND = b"\xf4\x90\x80\x80"
"""Beyond the last code point from its second byte on."""


def unfinished(*payloads: bytes) -> list[bytes]:
    """Fragments of which the last never comes: an invalid one is refused at once."""
    first, *others = payloads
    return [
        frame(TEXT, first, final=False),
        *(frame(CONTINUATION, payload, final=False) for payload in others),
    ]


CASES = {
    "6.1.1": Case([frame(TEXT, b"")], ["error"]),
    "6.1.2": Case(fragments(b"", b"", b""), ["error"]),
    "6.1.3": Case(fragments(b"", b"middle frame payload", b""), ["error"]),
    "6.2.1": Case([frame(TEXT, GREETING)], ["error"]),
    "6.2.2": Case(fragments(*GREETING.partition(b"\xc3\xbc")), ["error"]),
    "6.2.3": Case(fragments(*chopped(GREETING)), ["error"]),
    "6.2.4": Case(fragments(*chopped(KOSME)), ["error"]),
    "6.3.1": Case([frame(TEXT, NOT_UTF8)], code=INVALID_TEXT),
    "6.3.2": Case(fragments(*chopped(NOT_UTF8)), code=INVALID_TEXT),
    "6.4.1": Case(unfinished(KOSME, BEYOND), code=INVALID_TEXT),
    "6.4.2": Case(unfinished(KOSME + BEYOND[:1], BEYOND[1:2]), code=INVALID_TEXT),
    # In a frame that is not complete the bytes are refused at the end of the frame at the latest.
    "6.4.3": Case(chopped(frame(TEXT, KOSME + BEYOND), 17), code=INVALID_TEXT),
    "6.4.4": Case(chopped(frame(TEXT, KOSME + BEYOND), 1), code=INVALID_TEXT),
    **{
        f"6.{group}.{number}": Case([frame(TEXT, payload)], ["error"])
        if is_valid
        else Case([frame(TEXT, payload)], code=INVALID_TEXT)
        for group, sequences in SEQUENCES.items()
        for number, (is_valid, payload) in enumerate(sequences, 1)
    },
}


@pytest.mark.parametrize("number", CASES)
def test_utf8(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
