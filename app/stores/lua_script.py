"""Scripts that Redis runs: lua/NAME.lua, whose first comment says what it guarantees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import redis
from redis.exceptions import NoScriptError

Call = tuple[Sequence[str], Sequence[str | int]]
"""A script's keys and arguments."""
Command = tuple[str | int, ...]

_LUA = Path(__file__).parent / "lua"


class SendsTogether(Protocol):
    """A client that sends several commands at once."""

    def send_together(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each, or the redis.RedisError that stands for it; raises nothing."""


class LuaScript:
    """A script named by its digest, and told whole to a server that doesn't know it."""

    def __init__(self, client: SendsTogether, text: str | bytes) -> None:
        self._client = client
        self._text = text.decode() if isinstance(text, bytes) else text
        self._digest = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        """The script's reply; raises redis.RedisError."""
        (reply,) = self.together([(keys, args)])
        if isinstance(reply, redis.RedisError):
            raise reply
        return reply

    def together(self, calls: Sequence[Call]) -> list[Any]:
        """The reply to each call, or the redis.RedisError that stands for it."""
        replies = self._send("EVALSHA", self._digest, calls)
        # Nothing was carried out. A server that was restarted, or just became the master, knows
        # no script.
        unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if unknown:
            told = self._send("EVAL", self._text, [calls[i] for i in unknown])
            for i, reply in zip(unknown, told, strict=True):
                replies[i] = reply
        return replies

    def _send(self, command: str, script: str, calls: Sequence[Call]) -> list[Any]:
        return self._client.send_together(
            [(command, script, len(keys), *keys, *args) for keys, args in calls]
        )


def read_script(client: Any, name: str) -> LuaScript:
    """The script lua/NAME.lua, run by this client of app.stores.redis."""
    script: LuaScript = client.register_script((_LUA / f"{name}.lua").read_text())
    return script
