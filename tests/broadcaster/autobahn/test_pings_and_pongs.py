"""Group 2, pings and pongs."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import PROTOCOL_ERROR, Case, Conversation, chopped
from tests.support.broadcaster.frames import PING, PONG, frame

pytestmark = pytest.mark.slow

TEN = [f"payload-{number}".encode() for number in range(10)]
CASES = {
    "2.1": Case([frame(PING, b"")], [b""]),
    "2.2": Case([frame(PING, b"Hello, world!")], [b"Hello, world!"]),
    "2.3": Case(
        [frame(PING, b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff")], [b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"]
    ),
    "2.4": Case([frame(PING, b"\xfe" * 125)], [b"\xfe" * 125]),
    "2.5": Case([frame(PING, b"\xfe" * 126)], code=PROTOCOL_ERROR),
    "2.6": Case(chopped(frame(PING, b"\xfe" * 125)), [b"\xfe" * 125]),
    "2.7": Case([frame(PONG, b"")]),
    "2.8": Case([frame(PONG, b"unsolicited pong payload")]),
    "2.9": Case([frame(PONG, b"unsolicited"), frame(PING, b"ping payload")], [b"ping payload"]),
    "2.10": Case([frame(PING, payload) for payload in TEN], TEN),
    "2.11": Case(chopped(b"".join(frame(PING, payload) for payload in TEN)), TEN),
}


@pytest.mark.parametrize("number", CASES)
def test_pings_and_pongs(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
