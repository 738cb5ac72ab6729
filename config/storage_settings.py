"""Settings of PostgreSQL and Redis."""

from __future__ import annotations

from dataclasses import dataclass

from config import parsers
from config.redis_url import RedisUrl, parse_redis_url
from config.variables import variable


@dataclass(frozen=True)
class DatabaseSettings:
    """All that a migration needs."""

    database_url: str = variable(
        "DATABASE_URL",
        "PostgreSQL, the source of truth, for example `postgresql://user:password@host/database`",
        None,
        parsers.postgres_url,
        secret=True,
    )


@dataclass(frozen=True)
class StorageSettings(DatabaseSettings):
    """The stores of the processes that serve clients."""

    database_read_url: str = variable(
        "DATABASE_READ_URL",
        "a streaming replica of it for reads of the board; empty: none",
        "",
        parsers.optional_postgres_url,
        secret=True,
    )
    redis_url: RedisUrl = variable(
        "REDIS_URL",
        "Redis or Valkey: one server, Sentinel, Cluster or TLS (`docs/deploy.md`), for example"
        " `redis://:password@host:6379/0`",
        None,
        parse_redis_url,
        secret=True,
    )
    redis_url_parameters: str = variable(
        "REDIS_URL_PARAMETERS",
        "added to a REDIS_URL that a hosting platform sets, for example `ssl_cert_reqs=none`",
        "",
    )
