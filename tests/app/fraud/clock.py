"""Redis' clock as a test sets it: the real admit.lua, changed only in where its time is from."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import redis

import app.stores
from app.stores.admission import AdmissionStore
from app.stores.lua_script import LuaScript

_KEY = "test:time"
_TIME = 'redis.call("TIME")'


class SetClock:
    """A clock that moves only when it is told to; ms since 1970."""

    def __init__(self, client: redis.Redis, admission: AdmissionStore) -> None:
        self._client = client
        admission._admit = _with_clock(client)
        self.set(int(time.time() * 1000))

    def set(self, now: int) -> None:
        """It is now that time."""
        self.now = now
        self._client.hset(_KEY, mapping={"seconds": now // 1000, "us": now % 1000 * 1000})

    def advance(self, milliseconds: int) -> None:
        """So much time passes."""
        self.set(self.now + milliseconds)


def _with_clock(client: Any) -> LuaScript:
    path = Path(app.stores.__file__).parent / "lua" / "admit.lua"
    source = path.read_text()
    assert source.count(_TIME) == 1
    text = source.replace(_TIME, f'redis.call("HMGET", "{_KEY}", "seconds", "us")')
    script: LuaScript = client.register_script(text)
    return script
