"""Groups 12 and 13, permessage-deflate: messages of all sizes, with the offers of the suite."""

from __future__ import annotations

import zlib

import pytest
from wsproto.extensions import PerMessageDeflate

from tests.broadcaster.autobahn.conversation import TOO_BIG, Case, Conversation, chopped
from tests.support.broadcaster.frames import CONTINUATION, TEXT, frame

pytestmark = pytest.mark.slow

MESSAGES = 8
NO_CONTEXT = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
WINDOW = f"{NO_CONTEXT}; server_max_window_bits=12"
OFFERS: dict[int, tuple[str, str | None]] = {
    1: ("permessage-deflate; client_max_window_bits", NO_CONTEXT),
    2: ("permessage-deflate; client_max_window_bits; server_no_context_takeover", NO_CONTEXT),
    # The board's window is 12 bits, for all viewers.
    3: ("permessage-deflate; client_max_window_bits; server_max_window_bits=9", None),
    4: ("permessage-deflate; client_max_window_bits; server_max_window_bits=15", WINDOW),
    5: (
        "permessage-deflate; client_max_window_bits; server_no_context_takeover;"
        " server_max_window_bits=9",
        None,
    ),
    6: (
        "permessage-deflate; client_max_window_bits; server_no_context_takeover;"
        " server_max_window_bits=15",
        WINDOW,
    ),
    7: (
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=9,"
        " permessage-deflate; server_no_context_takeover, permessage-deflate",
        NO_CONTEXT,
    ),
}
"""By the number in group 13: the offer, and what is accepted."""
SIZES = ((16, 0), (64, 0), (256, 0), (1024, 0), (4096, 0), (4096, 256), (4096, 1024))
"""Bytes of a message, and of its fragments; 0: in one frame."""
TOO_LARGE = (4097, 8192, 16384, 32768, 65536, 131072)


def command(size: int) -> bytes:
    """A command of that many bytes, which do not compress well."""
    text = "".join(f"{number * 7919 % 10007}," for number in range(size))
    padding = text[: size - len(b'{"type":"ping","":""}')]
    return f'{{"type":"ping","":"{padding}"}}'.encode() if size > 21 else b'{"type":"ping"} '


def compressed(payload: bytes, fragment_size: int = 0) -> bytes:
    """The frames of a message without context takeover; only the first has RSV1."""
    compressor = zlib.compressobj(wbits=-15)
    data = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    parts = chopped(data[:-4], fragment_size or len(data))
    last = len(parts) - 1
    return b"".join(
        frame(CONTINUATION, part, final=number == last)
        if number
        else frame(TEXT, part, final=number == last, reserved=4)
        for number, part in enumerate(parts)
    )


@pytest.mark.parametrize(("size", "fragment_size"), SIZES)
@pytest.mark.parametrize("offer", OFFERS)
def test_each_offer_with_each_size(
    conversation: Conversation, offer: int, size: int, fragment_size: int
) -> None:
    text, accepted = OFFERS[offer]
    # Of fragments fewer messages, because each frame counts for MESSAGES_PER_SECOND.
    messages = 2 if fragment_size else MESSAGES
    extension = PerMessageDeflate()
    if accepted is None:
        sent = [frame(TEXT, command(size))] * messages
    else:
        extension.finalize(accepted)
        sent = [compressed(command(size), fragment_size)] * messages
    viewer = conversation.check(
        Case(sent, ["pong"] * messages),
        headers=f"Sec-WebSocket-Extensions: {text}\r\n",
        extensions=[extension],
    )
    reply = viewer.reply.decode().lower()
    assert (f"sec-websocket-extensions: {accepted}\r\n" in reply) == (accepted is not None)
    assert accepted is not None or "sec-websocket-extensions" not in reply


@pytest.mark.parametrize("size", TOO_LARGE)
def test_a_message_that_is_too_large_when_it_is_inflated(
    conversation: Conversation, size: int
) -> None:
    extension = PerMessageDeflate()
    extension.finalize(NO_CONTEXT)
    conversation.check(
        Case([compressed(b"*" * size)], code=TOO_BIG),
        headers="Sec-WebSocket-Extensions: permessage-deflate\r\n",
        extensions=[extension],
    )
