"""python -m bench.rebuild PLAYERS: times IndexKeeper's rebuild beside the bare work it can't avoid.

The bare work, measured in the same run, is to read id, score and revision of every player once and
to write them into Redis with ZADD and HSET, no check and no script.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import psycopg2
import redis

from app.composition import Services, build_services
from app.services.index_keeper import REBUILD_CHUNK
from app.stores.tables import ON_BOARD
from bench.full_board import fill_board
from config.settings import load_settings
from tests.environment import base_environment
from tests.servers import Stores, empty, migrate
from tools.embedded import EmbeddedPostgres, EmbeddedValkey

RUNS = 3


def main() -> int:
    """0 when it has measured, 2 for bad arguments."""
    try:
        (players,) = (int(word) for word in sys.argv[1:])
    except ValueError:
        print("usage: python -m bench.rebuild PLAYERS", file=sys.stderr)
        return 2
    with (
        TemporaryDirectory(prefix="rebuild-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        stores = Stores(postgres.url, valkey.url)
        migrate(stores.database_url)
        fill_board(stores.database_url, players)
        services = services_over(stores)
        print(f"{players} players, seconds of {RUNS} runs:")
        for _ in range(RUNS):
            empty(stores.redis_url)
            bare = seconds_of(lambda: bare_work(stores))
            empty(stores.redis_url)
            rebuild = seconds_of(services.index_keeper.keep)
            assert not services.index_keeper.index_lost()
            print(f"  rebuild {rebuild:6.2f}   bare {bare:6.2f}   ratio {rebuild / bare:5.2f}")
        services.close()
    return 0


def services_over(stores: Stores) -> Services:
    """The services of one process that says only what goes wrong."""
    places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    with patch.dict(os.environ, base_environment() | places):
        return build_services(load_settings())


def seconds_of(work: Callable[[], None]) -> float:
    """How long it takes."""
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def bare_work(stores: Stores) -> None:
    """Every player once out of PostgreSQL and into Redis."""
    with (
        closing(psycopg2.connect(stores.database_url)) as connection,
        connection.cursor("all") as cursor,
        redis.Redis.from_url(stores.redis_url) as client,
    ):
        cursor.execute(f"SELECT id::text, score, revision FROM users WHERE {ON_BOARD}")
        while rows := cursor.fetchmany(REBUILD_CHUNK):
            with client.pipeline(transaction=False) as pipeline:
                pipeline.zadd("scores", {user_id: score for user_id, score, _ in rows})
                pipeline.hset(
                    "revisions", mapping={user_id: revision for user_id, _, revision in rows}
                )
                pipeline.execute()


if __name__ == "__main__":
    sys.exit(main())
