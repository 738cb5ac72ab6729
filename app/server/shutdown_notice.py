"""Announcing a server's shutdown to the broadcasters, which notify their viewers (flow 10)."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Any

import redis

from app.contract import keys
from app.contract.channels import ServerShutdown
from app.network.addresses import authority
from app.storage.redis import channel, connect_subscriber
from config.settings import Settings

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104 - compared with, not bound to


def announce_shutdown(settings: Settings, log: Any) -> None:
    """Publish the shutdown, and log whether that worked: shutdown must not wait for Redis.

    `log` is the arbiter's logger.
    """
    message = ServerShutdown(instance_name(settings)).dump()
    with closing(connect_subscriber(settings.redis_url)) as client:
        try:
            client.publish(channel(client, keys.SERVER_SHUTDOWN), message)
        except redis.RedisError:
            log.info("server_shutdown_not_announced")
        else:
            log.info("server_shutdown_announced")


def instance_name(settings: Settings) -> str:
    """The configured name of this API server, or its host and port."""
    if settings.instance_name:
        return settings.instance_name
    host = socket.gethostname() if settings.host in _WILDCARDS else settings.host
    return authority(host, settings.port)
