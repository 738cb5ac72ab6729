"""Lua scripts that Redis runs. The first comment of each script states its guarantees."""

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

_APP = Path(__file__).parent.parent


class RawPipeline(Protocol):
    """A client that sends several commands at once."""

    def pipeline_raw(self, commands: Sequence[Command]) -> list[Any]:
        """The reply to each command, or the redis.RedisError it failed with; raises nothing."""


class LuaScript:
    """A script that is called by its digest, and sent in full to a server that doesn't know it."""

    def __init__(self, client: RawPipeline, text: str | bytes) -> None:
        self.client = client
        self._text = text.decode() if isinstance(text, bytes) else text
        self._digest = hashlib.sha1(self._text.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[str], args: Sequence[str | int] = ()) -> Any:
        """The script's reply; raises redis.RedisError."""
        (reply,) = self.call_batch([(keys, args)])
        if isinstance(reply, redis.RedisError):
            raise reply
        return reply

    def call_batch(self, calls: Sequence[Call]) -> list[Any]:
        """The reply to each call, or the redis.RedisError it failed with."""
        return call_scripts([(self, call) for call in calls])

    def command(self, call: Call, *, in_full: bool) -> Command:
        """The Redis command for a call: the script by its digest, or in full."""
        keys, args = call
        name, script = ("EVAL", self._text) if in_full else ("EVALSHA", self._digest)
        return (name, script, len(keys), *keys, *args)


def call_scripts(calls: Sequence[tuple[LuaScript, Call]]) -> list[Any]:
    """The reply to each call of scripts of one client, or the redis.RedisError it failed with.

    All calls are sent together. They run in this order, but those of scripts that the server does
    not know yet run after the others.
    """
    if not calls:
        return []
    client = calls[0][0].client
    replies = client.pipeline_raw([script.command(call, in_full=False) for script, call in calls])
    # A server that was restarted, or has just become the master, knows no scripts. A call that
    # was answered with NOSCRIPT was not executed, so it may be repeated.
    unknown = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        repeated = client.pipeline_raw(
            [calls[i][0].command(calls[i][1], in_full=True) for i in unknown]
        )
        for i, reply in zip(unknown, repeated, strict=True):
            replies[i] = reply
    return replies


def read_script(client: Any, room: str, name: str) -> LuaScript:
    """The script app/ROOM/lua/NAME.lua, called with this client of app.storage.redis."""
    script: LuaScript = client.register_script((_APP / room / "lua" / f"{name}.lua").read_text())
    return script
