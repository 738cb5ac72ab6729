"""The commands of viewers: valid ones, and texts that are no command."""

from __future__ import annotations

import pytest

from app.contract.commands import Auth, Command, Ping, WatchMe, parse_command
from app.contract.messages import MessageInvalid

COMMANDS: dict[str, Command] = {
    '{"type": "ping"}': Ping(),
    '{"type": "ping", "other": 1}': Ping(),
    '{"type": "watch_me"}': WatchMe(),
    '{"type": "auth", "token": "x"}': Auth("x"),
}


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_parsed(text: str) -> None:
    assert parse_command(text) == COMMANDS[text]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "null", "1", "NaN", '["ping"]', "{}", '{"type": "dance"}', '{"type": "auth"}',
     '{"type": "auth", "token": 1}', "[" * 100_000],
)  # fmt: skip
def test_other_texts_raise_an_error(text: str) -> None:
    with pytest.raises(MessageInvalid):
        parse_command(text)
