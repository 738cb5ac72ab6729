"""Who acted from an address within the last minute."""

from __future__ import annotations

import redis

from app.contract import keys
from app.stores.lua_script import read_script
from app.stores.redis import translated

CROWD_SECONDS = 60


class Crowds:
    """Counts users by address; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._note = read_script(client, "note_crowd")

    def note(self, address: str, user_id: str) -> int:
        """Note that the user acts from the address; how many users did in the last minute."""
        with translated():
            return int(self._note(keys=[keys.crowd(address)], args=[user_id, CROWD_SECONDS * 1000]))
