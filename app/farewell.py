"""How a server says that it goes, so that broadcasters tell their viewers (flow 10)."""

from __future__ import annotations

import socket
from contextlib import closing

import redis

from app.contract import keys
from app.contract.messages import ServerShutdown
from app.stores.redis import connect_subscriber
from config.settings import Settings

_WILDCARDS = {"0.0.0.0", "::", "[::]"}  # noqa: S104 - compared with, not bound to


def announce_shutdown(settings: Settings) -> bool:
    """Publish it; False when Redis was not there to hear, which must hold up nobody's end."""
    message = ServerShutdown(instance_name(settings)).dump()
    with closing(connect_subscriber(settings.redis_url)) as client:
        try:
            client.publish(keys.SERVER_SHUTDOWN, message)
        except redis.RedisError:
            return False
    return True


def instance_name(settings: Settings) -> str:
    """Which of the API servers this is: its configured name, else its host and port."""
    if settings.instance_name:
        return settings.instance_name
    host = socket.gethostname() if settings.host in _WILDCARDS else settings.host
    return f"{host}:{settings.port}"
