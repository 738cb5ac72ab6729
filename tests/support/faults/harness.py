"""A whole system under load, in which a test causes a fault and checks that nothing is lost."""

from __future__ import annotations

import logging
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.faults.ledger_checker import LedgerChecker
from tests.support.faults.token_load import TokenLoad
from tests.support.faults.viewers import ReconnectingViewers
from tests.support.servers import Stores, migrate, store_folder
from tests.support.services import services_in
from tests.support.system.harness import SystemHarness, await_health
from tests.support.waiting import await_true
from tools.local.embedded import EmbeddedPostgres, EmbeddedValkey
from tools.local.embedded_server import EmbeddedServer

PLAYERS, VIEWERS, PAUSE_SECONDS = 10, 50, 0.2
WEB_PROCESSES = 2
WARM_UP_INCREMENTS = 30
INDEX_SECONDS = 5.0
"""Promised: from the return of a dependency until the rank index equals the database."""
RETURN_SECONDS = 40.0
"""Not promised; a limit for a busy test machine."""
REPEATED_SPENDS = 10

log = logging.getLogger(__name__)


@dataclass
class FaultHarness:
    """A running system with its own servers, ten players that score and fifty viewers."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    system: SystemHarness
    load: TokenLoad
    audience: ReconnectingViewers
    ledger: LedgerChecker

    def await_increments(self, increments: int = WARM_UP_INCREMENTS) -> None:
        """Return when this many more increments were acknowledged."""
        wanted = self.load.answers["200"] + increments
        await_true(lambda: self.load.answers["200"] >= wanted, RETURN_SECONDS)

    def restart_broadcaster(self) -> None:
        """Start a broadcaster at the address of the first one, as its supervisor would."""
        self.system.start_broadcaster(self.system.broadcaster_port)
        await_health(f"http://127.0.0.1:{self.system.broadcaster_port}")

    def check_nothing_lost(self, repaired_at: float) -> None:
        """End the load, and fail the test if a point was lost.

        repaired_at is when the fault was over, by time.monotonic().
        """

        def since(reached: Callable[[], object], seconds: float) -> float:
            await_true(reached, repaired_at + seconds - time.monotonic())
            return time.monotonic() - repaired_at

        index = since(
            lambda: self.ledger.index_is_complete() and self.ledger.index_equals_database(),
            INDEX_SECONDS,
        )
        counting = since(lambda: self.load.counted_at > repaired_at, RETURN_SECONDS)
        watching = since(lambda: self.audience.complete, RETURN_SECONDS)
        self.await_increments()
        self.load.stop()
        assert self.load.unexpected == set(), self.load.unexpected
        contradictions = self.ledger.contradictions(self.load.spends)
        assert contradictions == [], contradictions
        self._repeat_some()
        top_ten = self.ledger.top_ten()
        await_true(lambda: self.audience.shows(top_ten), RETURN_SECONDS)
        complaints = self.audience.complaints()
        assert complaints == set(), complaints
        self._verify_ledger()
        log.info(
            "seconds after the repair: counting %.1f, index %.1f, viewers %.1f; answers %s",
            *(counting, index, watching, dict(self.load.answers)),
        )

    def _repeat_some(self) -> None:
        """A token that was counted stays counted, at every API."""
        counted = [spend for spend in self.load.spends if spend.counted]
        for spend in random.sample(counted, REPEATED_SPENDS):
            expected = spend.score
            assert spend.ask(self.system.url) == "TOKEN_USED"
            assert spend.score == expected

    def _verify_ledger(self) -> None:
        with services_in(self.system.environment()) as services:
            verification = services.ledger_check.verify()
        assert verification.sound, (verification.ledger, verification.index)


@dataclass(frozen=True)
class FaultSystem:
    """A running system with its own servers."""

    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    system: SystemHarness


@contextmanager
def fault_system(
    log_dir: Path,
    before: Callable[[Stores], None] | None = None,
    variables: dict[str, str] | None = None,
) -> Iterator[FaultSystem]:
    """A system without load.

    `before` is called with the migrated, empty stores, to add players. `variables` are further
    settings.
    """
    settings = {"WEB_WORKERS": "2"} | (variables or {})
    with (
        store_folder() as folder,
        EmbeddedPostgres(folder / "postgres") as postgres,
        EmbeddedValkey(folder / "valkey") as valkey,
    ):
        stores = Stores(postgres.url, valkey.url)
        migrate(stores.database_url)
        if before is not None:
            before(stores)
        with SystemHarness(
            stores, log_dir, web_processes=WEB_PROCESSES, variables=settings
        ) as system:
            yield FaultSystem(postgres, valkey, system)


@contextmanager
def under_load(running: FaultSystem) -> Iterator[FaultHarness]:
    """The system while new players score and viewers are connected."""
    system = running.system
    load = TokenLoad(system.urls, players=PLAYERS, pause=PAUSE_SECONDS)
    tokens = [load.players[n % PLAYERS].access_token for n in range(VIEWERS)]
    with ReconnectingViewers(system.websocket_url, tokens) as audience:
        load.start()
        ledger = LedgerChecker(system.stores)
        harness = FaultHarness(running.postgres, running.valkey, system, load, audience, ledger)
        try:
            await_true(lambda: audience.complete, RETURN_SECONDS)
            harness.await_increments()
            yield harness
        finally:
            load.stop()


def workers_of(master_pid: int) -> list[psutil.Process]:
    """The worker processes of a gunicorn."""
    return psutil.Process(master_pid).children()


def freeze(server: EmbeddedServer, seconds: float) -> float:
    """Stop all processes of a server by SIGSTOP; returns when it was resumed."""
    server.pause()
    time.sleep(seconds)  # the fault itself
    server.resume()
    return time.monotonic()


def stop_at_once(postgres: EmbeddedPostgres) -> None:
    """PostgreSQL's immediate shutdown, which is followed by recovery."""
    psutil.Process(postgres.pid).send_signal(signal.SIGQUIT)
    await_true(lambda: postgres.poll() is not None, RETURN_SECONDS)
