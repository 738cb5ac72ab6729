"""Many requests at once during an outage of PostgreSQL or Redis: replies and health."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import requests

from tests.support.api_requests import refused
from tests.support.faults.outage_harness import WORKERS, OutageHarness, outage_harness
from tests.support.system.player import Player
from tests.support.system.raw_clients import opened

pytestmark = pytest.mark.slow
THREADS = 8
CONCURRENT_REQUESTS = 100
PROMISED_SECONDS = 2.0
QUEUE_SECONDS = 2.0
"""Allowance for the work of the requests themselves on a busy machine."""


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OutageHarness]:
    with outage_harness(tmp_path_factory.mktemp, WEB_THREADS=str(THREADS)) as made:
        yield made


@pytest.fixture(scope="module")
def player(harness: OutageHarness) -> Player:
    return harness.api.register()


@pytest.fixture(autouse=True)
def connect_workers(harness: OutageHarness, player: Player) -> None:
    """Let each worker open its connections before a test measures time."""
    with ThreadPoolExecutor(WORKERS * THREADS) as pool:
        assert all(reply.ok for reply, _ in pool.map(lambda _: get_me(harness, player), range(40)))


def timed(call: Callable[[], requests.Response]) -> tuple[requests.Response, float]:
    started_at = time.monotonic()
    return call(), time.monotonic() - started_at


def get(harness: OutageHarness, path: str, **headers: str) -> tuple[requests.Response, float]:
    """A GET on a new connection, and how long it took in seconds."""
    headers["Connection"] = "close"
    return timed(lambda: requests.get(f"{harness.api.url}{path}", headers=headers, timeout=30))


def get_me(harness: OutageHarness, player: Player) -> tuple[requests.Response, float]:
    """A request that needs PostgreSQL."""
    return get(harness, "/api/users/me", Authorization=f"Bearer {player.access_token}")


def workers(harness: OutageHarness) -> list[psutil.Process]:
    return psutil.Process(harness.api.web[0].pid).children()


def test_concurrent_requests_get_an_error_in_time_while_postgresql_is_paused(
    harness: OutageHarness, player: Player
) -> None:
    with (
        harness.without(harness.postgres, "paused"),
        ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool,
    ):
        replies = list(pool.map(lambda _: get_me(harness, player), range(CONCURRENT_REQUESTS)))
        later = [get_me(harness, player) for _ in range(20)]
    for reply, _ in replies + later:
        refused(reply, 500, "DB_ERROR")
    assert max(seconds for _, seconds in replies) < PROMISED_SECONDS + QUEUE_SECONDS
    assert max(seconds for _, seconds in later) < PROMISED_SECONDS
    # Only the request that probes PostgreSQL waits; the others fail at once.
    assert sorted(seconds for _, seconds in later)[len(later) // 2] < 0.5


def test_health_replies_in_time_while_every_thread_waits(
    harness: OutageHarness, player: Player
) -> None:
    request = (
        "GET /api/users/me HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {player.access_token}\r\n\r\n"
    ).encode()
    with (
        harness.without(harness.postgres, "paused"),
        # Without threads, which would delay those that ask for the health.
        opened(harness.api.url, [request] * (WORKERS * THREADS * 3)) as waiting,
        ThreadPoolExecutor(8) as pool,
    ):
        time.sleep(0.3)
        lives = list(pool.map(lambda _: get(harness, "/api/health/live"), range(8)))
        assert select.select(waiting, [], [], 0)[0] == []
        checks = list(pool.map(lambda _: get(harness, "/health"), range(8)))
    for reply, _ in lives:
        assert reply.json()["status"] == "alive"
    for reply, _ in checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
    assert max(seconds for _, seconds in lives) < 1.0
    assert max(seconds for _, seconds in checks) < PROMISED_SECONDS


def test_a_hundred_health_checks_of_a_paused_postgresql_leave_no_threads_or_descriptors(
    harness: OutageHarness,
) -> None:
    def used() -> int:
        return sum(each.num_threads() + each.num_fds() for each in workers(harness))

    with harness.without(harness.postgres, "paused"), ThreadPoolExecutor(10) as pool:
        first = list(pool.map(lambda _: get(harness, "/health"), range(20)))
        before = used()
        checks = []
        for _ in range(10):
            checks += list(pool.map(lambda _: get(harness, "/health"), range(10)))
            # Until the failed result expires, so that each round checks again.
            time.sleep(0.5)
        after = used()
    for reply, seconds in first + checks:
        assert (reply.status_code, reply.json()["database"]) == (503, "timeout")
        assert seconds < PROMISED_SECONDS
    # A connection of each worker's check, and our own connections that are closing.
    assert after - before < 10
