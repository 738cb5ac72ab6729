"""One fault: a whole system under load, what is broken and mended in it, and the verdict."""

from __future__ import annotations

import logging
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import psutil

from app.composition import build_services
from config.settings import load_settings
from tests.awaiting import await_true
from tests.faults.load import Load
from tests.faults.truth import Truth
from tests.faults.viewers import Audience
from tests.servers import Stores, migrate
from tests.system.running import RunningSystem, await_health
from tools.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.embedded_server import EmbeddedServer

PLAYERS, VIEWERS, PAUSE_SECONDS = 10, 50, 0.2
WEB_PROCESSES = 2
WARM_UP_INCREMENTS = 30
INDEX_SECONDS = 5.0
"""Promised: from a dependency's return until the index is the database."""
RETURN_SECONDS = 20.0
"""Promised to nobody: how long a loaded machine may take to have everything in its place."""
REPEATED_SPENDS = 10

log = logging.getLogger(__name__)


@dataclass
class Trial:
    """A running system with its own servers, ten players that score and fifty viewers."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    system: RunningSystem
    load: Load
    audience: Audience
    truth: Truth

    def await_load(self, increments: int = WARM_UP_INCREMENTS) -> None:
        """Return when so many more increments were acknowledged."""
        wanted = self.load.answers["200"] + increments
        await_true(lambda: self.load.answers["200"] >= wanted, RETURN_SECONDS)

    def restart_broadcaster(self) -> None:
        """Start a broadcaster where the first one was, as whoever supervises it does."""
        self.system.start_broadcaster(self.system.broadcaster_port)
        await_health(f"http://127.0.0.1:{self.system.broadcaster_port}")

    def verdict(self, mended_at: float) -> None:
        """Fails the test unless nothing was lost; the load ends with it.

        mended_at is when what was broken was there again, by time.monotonic().
        """

        def since(reached: Callable[[], object], seconds: float) -> float:
            await_true(reached, mended_at + seconds - time.monotonic())
            return time.monotonic() - mended_at

        index = since(
            lambda: self.truth.index_is_whole() and self.truth.index_is_the_database(),
            INDEX_SECONDS,
        )
        counting = since(lambda: self.load.counted_at > mended_at, RETURN_SECONDS)
        watching = since(lambda: self.audience.complete, RETURN_SECONDS)
        self.await_load()
        self.load.stop()
        assert self.load.unexpected == set(), self.load.unexpected
        contradictions = self.truth.contradictions(self.load.spends)
        assert contradictions == [], contradictions
        self._repeat_some()
        top_ten = self.truth.top_ten()
        await_true(lambda: self.audience.shows(top_ten), RETURN_SECONDS)
        complaints = self.audience.complaints()
        assert complaints == set(), complaints
        self._verify_ledger()
        log.info(
            "seconds after mending: counting %.1f, index %.1f, viewers %.1f; answers %s",
            *(counting, index, watching, dict(self.load.answers)),
        )

    def _repeat_some(self) -> None:
        """Tokens that were counted are so for ever, whoever is asked."""
        counted = [spend for spend in self.load.spends if spend.counted]
        for spend in random.sample(counted, REPEATED_SPENDS):
            told = spend.score
            assert spend.ask(self.system.url) == "TOKEN_USED"
            assert spend.score == told

    def _verify_ledger(self) -> None:
        with patch.dict("os.environ", self.system.environment()):
            services = build_services(load_settings())
        verification = services.ledger_check.verify()
        services.close()
        assert verification.sound, (verification.ledger, verification.index)


@contextmanager
def trial(
    log_dir: Path,
    before: Callable[[Stores], None] | None = None,
    variables: dict[str, str] | None = None,
) -> Iterator[Trial]:
    """A trial whose load has begun and whose audience is there.

    before is called with the migrated, empty stores, to put more players there; variables are
    settings beside the tests' own.
    """
    # Not in pytest's own folder, which another run closes to the user that PostgreSQL runs as.
    with (
        TemporaryDirectory(prefix="scoreboard-") as folder,
        EmbeddedPostgres(Path(folder) / "postgres") as postgres,
        EmbeddedValkey(Path(folder) / "valkey") as valkey,
    ):
        stores = Stores(postgres.url, valkey.url)
        migrate(stores.database_url)
        if before is not None:
            before(stores)
        with RunningSystem(
            stores, log_dir, web_processes=WEB_PROCESSES, variables=variables
        ) as system:
            load = Load(system.urls, players=PLAYERS, pause=PAUSE_SECONDS)
            tokens = [load.players[n % PLAYERS].access_token for n in range(VIEWERS)]
            with Audience(system.websocket_url, tokens) as audience:
                load.start()
                begun = Trial(postgres, valkey, system, load, audience, Truth(stores))
                try:
                    await_true(lambda: audience.complete, RETURN_SECONDS)
                    begun.await_load()
                    yield begun
                finally:
                    load.stop()


def workers_of(master_pid: int) -> list[psutil.Process]:
    """The worker processes of a gunicorn."""
    return psutil.Process(master_pid).children()


def freeze(server: EmbeddedServer, seconds: float) -> float:
    """Stop all of a server's processes by SIGSTOP for so long; when it went on."""
    server.pause()
    time.sleep(seconds)  # the fault itself
    server.resume()
    return time.monotonic()


def stop_at_once(postgres: EmbeddedPostgres) -> None:
    """PostgreSQL's immediate shutdown: no session is ended in order, recovery follows."""
    psutil.Process(postgres.pid).send_signal(signal.SIGQUIT)
    await_true(lambda: postgres.poll() is not None, RETURN_SECONDS)
