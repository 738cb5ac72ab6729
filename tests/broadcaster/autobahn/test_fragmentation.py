"""Group 5, fragmentation: joined to one message, which here is a command, and its violations."""

from __future__ import annotations

import pytest

from tests.broadcaster.autobahn.conversation import (
    HELLO,
    PING_COMMAND,
    PROTOCOL_ERROR,
    Case,
    Conversation,
    chopped,
    fragments,
)
from tests.support.broadcaster.frames import CONTINUATION, PING, PONG, TEXT, frame

pytestmark = pytest.mark.slow

# A pong event shows that the fragments were joined in their order.
TWO = fragments(PING_COMMAND[:7], PING_COMMAND[7:])
FIVE = fragments(*(PING_COMMAND[start : start + 4] for start in range(0, len(PING_COMMAND), 4)))
BETWEEN = [TWO[0], frame(PING, b"ping payload"), TWO[1]]
TWO_PINGS = [*FIVE[:2], frame(PING, b"1!"), *FIVE[2:-1], frame(PING, b"2!"), FIVE[-1]]


def nothing_to_continue(*, final: bool) -> list[bytes]:
    return [frame(CONTINUATION, b"nothing to continue", final=final), frame(TEXT, HELLO)]


def repeated(*, final: bool) -> list[bytes]:
    return [frame(CONTINUATION, b"fragment1", final=final), *TWO] * 2


CASES = {
    "5.1": Case(
        [frame(PING, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")],
        code=PROTOCOL_ERROR,
    ),
    "5.2": Case(
        [frame(PONG, b"fragment1", final=False), frame(CONTINUATION, b"fragment2")],
        code=PROTOCOL_ERROR,
    ),
    "5.3": Case([b"".join(TWO)], ["pong"]),
    "5.4": Case(TWO, ["pong"]),
    "5.5": Case(chopped(b"".join(TWO)), ["pong"]),
    "5.6": Case([b"".join(BETWEEN)], [b"ping payload", "pong"]),
    "5.7": Case(BETWEEN, [b"ping payload", "pong"]),
    "5.8": Case(chopped(b"".join(BETWEEN)), [b"ping payload", "pong"]),
    "5.9": Case([b"".join(nothing_to_continue(final=True))], code=PROTOCOL_ERROR),
    "5.10": Case(nothing_to_continue(final=True), code=PROTOCOL_ERROR),
    "5.11": Case(chopped(b"".join(nothing_to_continue(final=True))), code=PROTOCOL_ERROR),
    "5.12": Case([b"".join(nothing_to_continue(final=False))], code=PROTOCOL_ERROR),
    "5.13": Case(nothing_to_continue(final=False), code=PROTOCOL_ERROR),
    "5.14": Case(chopped(b"".join(nothing_to_continue(final=False))), code=PROTOCOL_ERROR),
    "5.15": Case(
        [b"".join([*TWO, *nothing_to_continue(final=False)])], ["pong"], code=PROTOCOL_ERROR
    ),
    "5.16": Case(repeated(final=False), code=PROTOCOL_ERROR),
    "5.17": Case(repeated(final=True), code=PROTOCOL_ERROR),
    "5.18": Case(
        [frame(TEXT, b"fragment1", final=False), frame(TEXT, b"fragment2")], code=PROTOCOL_ERROR
    ),
    "5.19": Case([b"".join(TWO_PINGS)], [b"1!", b"2!", "pong"]),
    "5.20": Case(TWO_PINGS, [b"1!", b"2!", "pong"]),
}


@pytest.mark.parametrize("number", CASES)
def test_fragmentation(conversation: Conversation, number: str) -> None:
    conversation.check(CASES[number])
