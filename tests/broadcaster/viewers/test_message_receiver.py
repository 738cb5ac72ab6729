"""Pongs that arrive alone, which are counted and not parsed."""

from __future__ import annotations

import pytest
from wsproto.events import TextMessage

from app.contract.viewers.close_codes import TOO_MANY_MESSAGES
from broadcaster.viewers.websocket.frame_reader import ProtocolViolated
from broadcaster.viewers.websocket.message_receiver import EMPTY_PONG, MessageReceiver
from tests.support.broadcaster.frames import CONTINUATION, PONG, TEXT, frame
from tests.support.broadcaster.in_process_hub import LIMITS

NOW = 1000.0


@pytest.fixture
def receiver() -> MessageReceiver:
    return MessageReceiver(LIMITS, inflates=False)


def test_pongs_count_as_messages(receiver: MessageReceiver) -> None:
    pong = frame(PONG, b"")
    for _ in range(LIMITS.frames.burst):
        assert list(receiver.receive(pong, NOW)) == []
    with pytest.raises(ProtocolViolated) as violated:
        list(receiver.receive(pong, NOW))
    assert violated.value.close_kind is TOO_MANY_MESSAGES
    assert list(receiver.receive(frame(TEXT, b"ignored"), NOW)) == []


def test_a_pong_between_fragments_does_not_end_their_message(receiver: MessageReceiver) -> None:
    assert list(receiver.receive(frame(TEXT, b"a", final=False), NOW)) == []
    list(receiver.receive(frame(PONG, b""), NOW))
    (message,) = receiver.receive(frame(CONTINUATION, b"b"), NOW)
    assert isinstance(message, TextMessage)
    assert message.data == "ab"


def test_bytes_of_a_payload_that_look_like_a_pong_belong_to_the_payload(
    receiver: MessageReceiver,
) -> None:
    # Masked with this key, the text "aaaaaa" begins as an empty pong does.
    key = b"\xeb\xe1\x00\x00"
    payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(b"aaaaaa"))
    assert payload.startswith(EMPTY_PONG)
    assert list(receiver.receive(b"\x81\x86" + key, NOW)) == []
    (message,) = receiver.receive(payload, NOW)
    assert isinstance(message, TextMessage)
    assert message.data == "aaaaaa"
