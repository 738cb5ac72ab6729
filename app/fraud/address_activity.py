"""The number of users that acted from an address within the last minute."""

from __future__ import annotations

import redis

from app.contract import keys
from app.storage.lua_script import read_script
from app.storage.redis import redis_errors

ADDRESS_WINDOW_SECONDS = 60


class AddressActivity:
    """Counts users by address; raises RedisUnavailable."""

    def __init__(self, client: redis.Redis) -> None:
        self._record = read_script(client, "fraud", "record_address")

    def record(self, address: str, user_id: str) -> int:
        """Record that the user acts from the address; the number of users in the last minute."""
        arguments: list[str | int] = [user_id, ADDRESS_WINDOW_SECONDS * 1000]
        with redis_errors():
            return int(self._record(keys=[keys.address_activity(address)], args=arguments))
