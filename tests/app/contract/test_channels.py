"""The messages on Redis channels: their payloads, and payloads that are not valid."""

from __future__ import annotations

import pytest

from app.contract.channels import (
    CHANNELS,
    CacheInvalidate,
    ChannelMessage,
    ScoreUpdate,
    ServerShutdown,
    SessionsEnded,
)
from app.contract.limits import Ban
from app.contract.messages import MessageInvalid
from app.contract.standings import BoardVersion, Standing
from app.contract.viewers.board_delta import BoardDelta, RowChange
from app.contract.viewers.reveals import Move

PAYLOADS: dict[str, ChannelMessage] = {
    '{"version":7}': ScoreUpdate(7),
    '{"version": 7, "moves": [{"userId": "u", "username": "ada", "displayName": "Ada",'
    ' "fromRank": null, "fromScore": null, "toRank": 1, "toScore": 5, "remaining": 2,'
    ' "rows": [{"rank": 1, "userId": "u", "username": "ada", "displayName": "Ada",'
    ' "score": 5}]}]}': ScoreUpdate(
        7, (Move("u", "ada", "Ada", None, None, 1, 5, 2, (Standing(1, "u", "ada", "Ada", 5),)),)
    ),
    '{"version":8,"change":{"after":7,"updatedAt":9,"committedAt":6,'
    '"rows":[["u",5,4,"ada","Ada"]]}}': ScoreUpdate(
        8, (), BoardDelta(7, BoardVersion(8, 9, 6), (RowChange("u", 5, 4, "ada", "Ada"),))
    ),
    # A version that was never released named only better scores; its boards are read.
    '{"version":8,"delta":{"after":7,"updatedAt":9,"committedAt":6,"rises":[]}}': ScoreUpdate(8),
    "7": CacheInvalidate(7),
    '{"userId": "u", "sessionIds": ["a", "b"], "reason": "banned"}': SessionsEnded(
        "u", ("a", "b"), "banned"
    ),
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, null]}': SessionsEnded(
        "u", ("a",), "banned", Ban(1000, None)
    ),
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, 2000]}': SessionsEnded(
        "u", ("a",), "banned", Ban(1000, 2000)
    ),
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, null],'
    ' "banReason": "shared account"}': SessionsEnded(
        "u", ("a",), "banned", Ban(1000, None, "shared account")
    ),
    '{"instance": "blue"}': ServerShutdown("blue"),
}


INVALID = [
    "",
    "nonsense",
    "[]",
    "{}",
    "null",
    "-5",
    '{"version": "x"}',
    '{"version": 1e400}',
    '{"version": -1}',
    '{"version": 7, "moves": 8}',
    '{"version": 7, "moves": [8]}',
    '{"version": 7, "moves": [{"userId": "u"}]}',
    '{"version": 7, "moves": [{"userId": "\\ud800", "fromRank": 1, "fromScore": 1, "toRank": 1,'
    ' "toScore": 1, "remaining": 0, "rows": []}]}',
    '{"version": 7, "change": 8}',
    '{"version": 7, "change": {"after": 6, "updatedAt": 1, "committedAt": 1, "rows": [["u", 1]]}}',
    '{"version": 7, "change": {"after": 6, "updatedAt": 1, "committedAt": 1,'
    ' "rows": [["u", 1, 1, "ada", "\\ud800"]]}}',
    '{"version": 7, "change": {"after": 6, "updatedAt": 1e30, "committedAt": 1, "rows": []}}',
    '{"version": 7, "change": {"after": 6, "updatedAt": 1, "committedAt": -1, "rows": []}}',
    '{"version": 1e30, "change": {"after": 6, "updatedAt": 1, "committedAt": 1, "rows": []}}',
    '{"userId": "u", "sessionIds": "ab", "reason": "banned"}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "unheard of"}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": 7}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1e15, null]}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1e20, null]}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1e30, null]}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, -1e20]}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, null],'
    ' "banReason": "\\ud800"}',
    '{"userId": "u", "sessionIds": ["a"], "reason": "banned", "ban": [1000, null],'
    f' "banReason": "{"x" * 2_000}"}}',
    '{"instance": "\\ud800"}',
    f'{{"instance": "{"x" * 2_000}"}}',
    "[" * 100_000,
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_payload_is_parsed_by_the_type_of_its_channel(payload: str) -> None:
    message = PAYLOADS[payload]
    assert CHANNELS[message.channel].parse(payload) == message


def test_messages_that_python_publishes_are_dumped_as_they_are_parsed() -> None:
    for payload, message in PAYLOADS.items():
        if isinstance(message, SessionsEnded | ServerShutdown):
            assert message.dump() == payload
        if isinstance(message, ScoreUpdate) and message.moves:
            assert message.dump() == payload


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("payload", INVALID)
def test_an_invalid_payload_raises_the_same_error_on_each_channel(
    channel: str, payload: str
) -> None:
    with pytest.raises(MessageInvalid, match=channel):
        CHANNELS[channel].parse(payload)
