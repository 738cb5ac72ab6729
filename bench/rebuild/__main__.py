"""python -m bench.rebuild PLAYERS: times the reconciler's rebuild and its unavoidable work.

The unavoidable work is measured in the same run: it reads id, score and revision of every player
once, and writes them into Redis by ZADD and HSET, without a check and without a script.
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

from app.maintenance.ranking_reconciler import REBUILD_CHUNK_SIZE
from app.storage.tables import ON_BOARD
from bench.full_board import fill_board
from config.settings import load_settings
from tests.support.environment import base_environment
from tests.support.servers import Stores, empty, migrate
from tests.support.services import Services, build_services
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

RUNS = 3


def main() -> int:
    """Exit status: 0 after the measurement, 2 for wrong arguments."""
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
            rebuild = seconds_of(services.reconciler.run_pass)
            assert not services.reconciler.index_lost()
            print(f"  rebuild {rebuild:6.2f}   bare {bare:6.2f}   ratio {rebuild / bare:5.2f}")
        services.close()
    return 0


def services_over(stores: Stores) -> Services:
    """The services of one process, which logs only errors."""
    places = {"DATABASE_URL": stores.database_url, "REDIS_URL": stores.redis_url}
    with patch.dict(os.environ, base_environment() | places):
        return build_services(load_settings())


def seconds_of(work: Callable[[], None]) -> float:
    """The duration of a call."""
    started_at = time.monotonic()
    work()
    return time.monotonic() - started_at


def bare_work(stores: Stores) -> None:
    """Read every player from PostgreSQL and write it to Redis."""
    with (
        closing(psycopg2.connect(stores.database_url)) as connection,
        connection.cursor("all") as cursor,
        redis.Redis.from_url(stores.redis_url) as client,
    ):
        cursor.execute(f"SELECT id::text, score, revision FROM users WHERE {ON_BOARD}")
        while rows := cursor.fetchmany(REBUILD_CHUNK_SIZE):
            with client.pipeline(transaction=False) as pipeline:
                pipeline.zadd("scores", {user_id: score for user_id, score, _ in rows})
                pipeline.hset(
                    "revisions", mapping={user_id: revision for user_id, _, revision in rows}
                )
                pipeline.execute()


if __name__ == "__main__":
    sys.exit(main())
