"""An API with stores of its own, which a test can kill, pause and restore."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from app.contract import keys
from tests.support.api_harness import ApiHarness
from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server, store_folder
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.local.embedded_server import EmbeddedServer

RECOVERY_SECONDS = 20.0
BREAKER_SECONDS = 0.6
"""After this time the circuit breaker probes the server again, and that request waits in full."""
WORKERS = 2


@dataclass(frozen=True)
class OutageHarness:
    """One API with a PostgreSQL and a Valkey that nothing else uses."""

    api: ApiHarness
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey

    @contextmanager
    def without(self, server: EmbeddedServer, outage: str) -> Iterator[None]:
        """Kill or pause the server for the block; then restore it and wait for a healthy API."""
        if outage == "killed":
            server.kill()
        else:
            server.pause()
        try:
            yield
        finally:
            if outage == "killed":
                server.start()
            else:
                server.resume()
            await_true(self.healthy, RECOVERY_SECONDS)
            time.sleep(BREAKER_SECONDS)

    def healthy(self) -> bool:
        """Whether every worker is likely to be healthy: more connections than workers."""
        return all(Api(self.api.url).get("/api/health").ok for _ in range(8))

    def await_pass(self) -> None:
        """Return after a pass of the reconciler, which may clear the cached boards."""
        with redis.Redis.from_url(self.valkey.url) as client:
            before = client.get(keys.INDEX_COMPLETE_UNTIL)
            await_true(lambda: client.get(keys.INDEX_COMPLETE_UNTIL) != before, RECOVERY_SECONDS)

    def subscribed(self) -> bool:
        """Whether every worker is subscribed to cache:invalidate."""
        with redis.Redis.from_url(self.valkey.url) as client:
            return bool(client.pubsub_numsub(keys.CACHE_INVALIDATE)[0][1] == WORKERS)


@contextmanager
def outage_harness(folder: Callable[[str], Path], **variables: str) -> Iterator[OutageHarness]:
    """Start WORKERS processes and stores; `folder` makes folders, `variables` are settings."""
    with (
        store_folder() as data,
        EmbeddedPostgres(data, disposable=True) as postgres,
        redis_server(folder("own-valkey")) as valkey,
    ):
        stores = Stores(DatabaseServer(postgres).create(), valkey.url)
        size = {"WEB_WORKERS": str(WORKERS)}
        with ApiHarness(stores, folder("logs"), variables=size | variables) as api:
            yield OutageHarness(api, postgres, valkey)
