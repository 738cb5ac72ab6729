"""An API with stores of its own, which a test may kill, freeze and bring back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import redis

from app.contract import keys
from tests.app.http.asking import Api
from tests.app.http.web_alone import WebAlone
from tests.awaiting import await_true
from tests.servers import DatabaseServer, Stores, redis_server
from tests.system.running import RunningSystem
from tools.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.embedded_server import EmbeddedServer

RECOVERY_SECONDS = 10.0
BREAKER_SECONDS = 0.6
"""After so long of silence a server is asked again, so that a request waits for it in full."""
WORKERS = 2


@dataclass(frozen=True)
class Place:
    """One API with a PostgreSQL and a Valkey of its own."""

    system: RunningSystem
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    def healthy(self) -> bool:
        # More connections than worker processes, so that each is likely to be asked.
        return all(Api(self.system.url).get("/api/health").ok for _ in range(8))

    def hears_of_changes(self) -> bool:
        """Whether every worker process is subscribed."""
        with redis.Redis.from_url(self.valkey.url) as client:
            return bool(client.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == WORKERS)


@contextmanager
def place_of_its_own(folder: Callable[[str], Path], **variables: str) -> Iterator[Place]:
    """A place with WORKERS processes; `folder` makes folders, variables are settings."""
    # PostgreSQL not in pytest's own folder, which another run closes to the user it runs as.
    with (
        TemporaryDirectory(prefix="scoreboard-") as data,
        EmbeddedPostgres(Path(data), fsync=False) as postgres,
        redis_server(folder("own-valkey")) as valkey,
    ):
        stores = Stores(DatabaseServer(postgres).create(), valkey.url)
        size = {"WEB_WORKERS": str(WORKERS)}
        with WebAlone(stores, folder("logs"), variables=size | variables) as system:
            yield Place(system, postgres, valkey)


@contextmanager
def without(place: Place, server: EmbeddedServer, how: str) -> Iterator[None]:
    """The server killed or paused for the block; afterwards back, and the API healthy again."""
    if how == "killed":
        server.kill()
    else:
        server.pause()
    try:
        yield
    finally:
        if how == "killed":
            server.start()
        else:
            server.resume()
        await_true(place.healthy, RECOVERY_SECONDS)
        time.sleep(BREAKER_SECONDS)
