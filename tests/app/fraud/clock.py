"""Redis' clock as a test sets it: the real scripts, which read the time from a key."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import redis

import app
from app.storage.lua_script import LuaScript

_KEY = "test:time"
_TIME = 'redis.call("TIME")'
_MODULES = ("app.scoring.admission", "app.accounts.login_attempts", "app.fraud.address_activity")
"""The modules whose scripts count attempts in a window."""


class SettableClock:
    """A clock that moves only when the test moves it; ms since 1970.

    The services must have been built inside settable_clock(). They use Redis' own clock until a
    test creates a SettableClock.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self.set(int(time.time() * 1000))

    def set(self, now: int) -> None:
        """Set the time."""
        self.now = now
        self._client.hset(_KEY, mapping={"seconds": now // 1000, "us": now % 1000 * 1000})

    def advance(self, milliseconds: int) -> None:
        """Let this time pass."""
        self.set(self.now + milliseconds)


@contextmanager
def settable_clock() -> Iterator[None]:
    """Services that are built in this block limit attempts by the clock that the test sets."""
    with ExitStack() as stack:
        for module in _MODULES:
            stack.enter_context(patch(f"{module}.read_script", _read_script_with_clock))
        yield


def _read_script_with_clock(client: Any, room: str, name: str) -> LuaScript:
    source = (Path(app.__file__).parent / room / "lua" / f"{name}.lua").read_text()
    assert source.count(_TIME) == 1
    set_time = f'redis.call("HMGET", "{_KEY}", "seconds", "us")'
    text = source.replace(_TIME, f'redis.call("EXISTS", "{_KEY}") == 1 and {set_time} or {_TIME}')
    script: LuaScript = client.register_script(text)
    return script
