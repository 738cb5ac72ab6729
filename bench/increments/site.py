"""The system under measurement: one API with a full board, on servers with fsync on."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg2
import redis
import requests

from app.contract import keys
from bench.full_board import fill_board
from config.settings import VARIABLES
from tests.support.api_harness import ApiHarness
from tests.support.servers import Stores, migrate
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey

READY_SECONDS = 300
"""Long enough to build the rank index of a million players."""
_COPY = "copy"
_LONG_LIVES = {"ACCESS_TOKEN_SECONDS": "86400", "ACTION_TOKEN_SECONDS": "3600"}
_OF_THE_HARNESS = {"DATABASE_URL", "REDIS_URL", "HOST", "PORT", "BROADCASTER_PORT"}


@dataclass(frozen=True)
class BenchSite:
    """A running API with a full board."""

    system: ApiHarness
    players: int
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @property
    def url(self) -> str:
        """The address of the API."""
        return self.system.url

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the API."""
        return self.system.environment()

    @property
    def roots(self) -> dict[str, int]:
        """The id of the first process of each server."""
        (web,) = self.system.web
        return {"gunicorn": web.pid, "postgres": self.postgres.pid, "valkey": self.valkey.pid}

    @property
    def copy_url(self) -> str:
        """A copy of the filled database, which the API doesn't use."""
        return f"{self.postgres.url.rpartition('/')[0]}/{_COPY}"

    def end_of_log(self) -> str:
        """The end of the API's log."""
        return self.system.log("web")[-3000:]


@contextmanager
def site(players: int, folder: Path) -> Iterator[BenchSite]:
    """An API with a board of `players` players and a complete rank index."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory(prefix="bench-increments-")))
        data.chmod(0o711)  # so that PostgreSQL's user can traverse it
        postgres = stack.enter_context(EmbeddedPostgres(data / "postgres"))
        valkey = stack.enter_context(EmbeddedValkey(data / "valkey", persistent=True))
        migrate(postgres.url)
        fill_board(postgres.url, players)
        _copy_database(postgres.url)
        logs = folder / f"web-{players}"
        logs.mkdir(exist_ok=True)
        stores = Stores(postgres.url, valkey.url)
        system = ApiHarness(stores, logs, variables=_settings())
        running = BenchSite(stack.enter_context(system), players, postgres, valkey)
        _await_board(running)
        yield running


def _copy_database(url: str) -> None:
    """Copy the database for pgbench; the API would repair its index after pgbench's changes."""
    server, _, name = url.rpartition("/")
    with closing(psycopg2.connect(f"{server}/postgres")) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {_COPY} TEMPLATE {name}")


def _settings() -> dict[str, str]:
    """Two workers, tokens that outlive the measurement, and the settings of our environment."""
    names = {variable.name for variable in VARIABLES} - _OF_THE_HARNESS
    ours = {name: os.environ[name] for name in names if name in os.environ}
    return {"WEB_WORKERS": "2"} | ours | _LONG_LIVES


def _await_board(running: BenchSite) -> None:
    """Wait until the index is complete and a board is cached, as on a site in use."""
    limit = time.monotonic() + READY_SECONDS
    with closing(redis.Redis.from_url(running.valkey.url)) as client:
        while time.monotonic() < limit:
            found = requests.get(f"{running.url}/api/leaderboard", timeout=10)
            if found.ok and client.exists(keys.INDEX_COMPLETE_UNTIL):
                return
            time.sleep(0.1)
    raise RuntimeError(f"the API did not become ready: {running.end_of_log()}")
