"""Lua scripts that Redis runs. The first comment of each script states its guarantees."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import redis
import structlog
from redis.exceptions import NoScriptError

from app.metrics.counters import REDIS_KEYS_DROPPED

Call = tuple[Sequence[str], Sequence[str | int]]
"""A script's keys and arguments."""
Command = tuple[str | int, ...]

_APP = Path(__file__).parent.parent

log = structlog.stdlib.get_logger(__name__)


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
        return raised(reply)

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
    not know yet run after the others, and so do those that find a key of another type. Another
    client has written that key. All keys of such a call are deleted before it is repeated, because
    its script may have changed a part of them; each script treats missing keys as lost data.
    """
    if not calls:
        return []
    client = calls[0][0].client
    replies = client.pipeline_raw([script.command(call, in_full=False) for script, call in calls])
    failed = [i for i, reply in enumerate(replies) if isinstance(reply, redis.ResponseError)]
    if not failed:
        return replies
    # A server that was restarted, or has just become the master, knows no scripts. A call that
    # was answered with NOSCRIPT was not executed, so it may be repeated.
    _repeat(client, calls, replies, [i for i in failed if isinstance(replies[i], NoScriptError)])
    foreign = [i for i in failed if "WRONGTYPE" in str(replies[i])]
    if foreign:
        _drop_keys(client, [calls[i][1][0] for i in foreign])
        _repeat(client, calls, replies, foreign)
    return replies


def _repeat(
    client: RawPipeline,
    calls: Sequence[tuple[LuaScript, Call]],
    replies: list[Any],
    positions: Sequence[int],
) -> None:
    """Send the calls at these positions in full, and put their replies into `replies`."""
    commands = [calls[i][0].command(calls[i][1], in_full=True) for i in positions]
    for i, reply in zip(positions, client.pipeline_raw(commands) if commands else (), strict=True):
        replies[i] = reply


def _drop_keys(client: RawPipeline, of_calls: Sequence[Sequence[str]]) -> None:
    dropped = client.pipeline_raw([("UNLINK", *keys) for keys in of_calls])
    REDIS_KEYS_DROPPED.inc(sum(number for number in dropped if isinstance(number, int)))
    log.warning("redis_keys_dropped", keys=sorted({key for keys in of_calls for key in keys}))


def raised(reply: Any) -> Any:
    """A reply of a batch; raises it if it is a redis.RedisError."""
    if isinstance(reply, redis.RedisError):
        raise reply
    return reply


def read_script(client: Any, room: str, name: str) -> LuaScript:
    """The script app/ROOM/lua/NAME.lua, called with this client of app.storage.redis."""
    script: LuaScript = client.register_script((_APP / room / "lua" / f"{name}.lua").read_text())
    return script
