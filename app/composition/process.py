"""The services that every process has: connections to the stores, health checks and alerts."""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from redis import Redis

from app.alerting.alert_limit import AlertLimit
from app.alerting.alerts import ALERT_INTERVAL_SECONDS, Alerts
from app.alerting.background_parts import BackgroundParts
from app.alerting.health import CHECK_SECONDS, Health
from app.alerting.receivers import receivers_at
from app.concurrency.batching import BATCH_THREADS
from app.concurrency.circuit_breaker import ThreadWaits
from app.storage.database import Database, connect_pool, connect_replica, connect_unpooled
from app.storage.database_connections import install_wait_callback
from app.storage.redis import connect, connect_subscriber
from config.settings import BroadcasterSettings

SPARE_CONNECTIONS = 2
"""Connections for the background threads; each request thread has one of its own."""

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class StoreConnections:
    """The connections of one process to PostgreSQL and Redis, opened when first needed."""

    database: Database
    replica: Database | None
    """None if DATABASE_READ_URL is empty."""
    redis: Redis
    pubsub_client: Redis
    """For subscriptions and health checks, so that they do not wait for a pool of requests."""

    def close(self) -> None:
        """Close Redis, then PostgreSQL, in the order of flow 10."""
        self.pubsub_client.close()
        self.redis.close()
        log.debug("redis_closed")
        self.database.close()
        if self.replica is not None:
            self.replica.close()
        log.debug("database_closed")


@dataclass(frozen=True)
class ProcessServices:
    """The part that the services of each kind of process have in common."""

    settings: BroadcasterSettings
    connections: StoreConnections
    health: Health
    alerts: Alerts
    parts: BackgroundParts

    def close(self) -> None:
        """Close the connections, then send the alerts that are waiting (flow 10)."""
        self.connections.close()
        self.alerts.close()
        self.health.close()


def build_process(settings: BroadcasterSettings, *, needs_writes: bool = True) -> ProcessServices:
    """The common part of any process; opens no connection and starts no thread.

    `needs_writes`: whether the process is unhealthy if PostgreSQL or Redis can't be written to.
    """
    connections, parts = connect_stores(settings), BackgroundParts()
    read_url = settings.database_read_url
    health = Health(
        connections.database,
        connections.pubsub_client,
        parts,
        connect_unpooled(read_url, CHECK_SECONDS) if read_url else None,
        needs_writes=needs_writes,
    )
    return ProcessServices(settings, connections, health, _alerts(settings, parts), parts)


def connect_stores(settings: BroadcasterSettings) -> StoreConnections:
    """Connections that are opened when first needed."""
    install_wait_callback()
    size = settings.web_threads + BATCH_THREADS + SPARE_CONNECTIONS
    read_url = settings.database_read_url
    thread_waits = ThreadWaits()
    return StoreConnections(
        database=connect_pool(settings.database_url, size, thread_waits),
        replica=connect_replica(read_url, size) if read_url else None,
        redis=connect(settings.redis_url, size, thread_waits),
        pubsub_client=connect_subscriber(settings.redis_url),
    )


def _alerts(settings: BroadcasterSettings, parts: BackgroundParts) -> Alerts:
    # A connection of its own, because alerts are sent after all others are closed.
    limit = AlertLimit(connect(settings.redis_url, 1), ALERT_INTERVAL_SECONDS)
    return Alerts(receivers_at(settings.alert_urls), limit, parts)
