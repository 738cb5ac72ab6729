"""Clients that leave their connections open neither keep others out nor exhaust the descriptors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.api_requests import Api
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.raw_clients import is_closed, opened, read_reply
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow

DESCRIPTORS = 160
"""Of each process: with it, a worker holds fewer than a hundred connections."""
CLIENTS = 300
SERVED_SECONDS = 1.0
CLOSED = "scoreboard_connections_closed_total "
LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n"
SENT = {
    "nothing": b"",
    "a request, and then nothing": LIVE + b"\r\n",
    "half a request": LIVE,
    "a last request": LIVE + b"Connection: close\r\n\r\n",
}


@pytest.fixture(scope="module")
def small_system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Two workers that may open only DESCRIPTORS files each."""
    with (
        redis_server(tmp_path_factory.mktemp("valkey")) as server,
        SystemHarness(
            Stores(postgres.create(), server.url),
            tmp_path_factory.mktemp("logs"),
            broadcasters=0,
            variables={"WEB_WORKERS": "2"},
            wrapper=["prlimit", f"--nofile={DESCRIPTORS}"],
        ) as system,
    ):
        yield system


def workers(system: SystemHarness) -> list[psutil.Process]:
    return psutil.Process(system.web[0].pid).children()


def closed_connections(system: SystemHarness) -> float:
    """How many connections the server has closed to make room for others."""
    metrics = Api(system.url).get("/metrics").text
    (line,) = [line for line in metrics.splitlines() if line.startswith(CLOSED)]
    return float(line.removeprefix(CLOSED))


@pytest.mark.parametrize("what", SENT)
def test_a_new_client_is_served_within_a_second_whatever_others_leave_open(
    small_system: SystemHarness, what: str
) -> None:
    player, before = small_system.register(), workers(small_system)
    with opened(small_system.url, [SENT[what]] * CLIENTS):
        for expected in range(1, 11):
            begun = time.monotonic()
            assert Api(small_system.url).get("/api/leaderboard").ok
            assert time.monotonic() - begun < SERVED_SECONDS
            assert player.score_point()["newScore"] == expected
    assert workers(small_system) == before
    assert '"INTERNAL_ERROR"' not in small_system.log("web")


def test_of_idle_connections_the_longest_idle_are_closed_first(
    small_system: SystemHarness,
) -> None:
    requests = [LIVE + b"\r\n"] * CLIENTS
    already_closed = closed_connections(small_system)
    with opened(small_system.url, requests) as sockets:
        for sock in sockets:
            # The kernel still has the reply of a connection that the server has closed since.
            assert read_reply(sock).startswith(b"HTTP/1.1 200 ")
        await_true(lambda: closed_connections(small_system) > already_closed, 20)
        for newest in sockets[-20:]:
            newest.sendall(LIVE + b"\r\n")
            assert read_reply(newest).startswith(b"HTTP/1.1 200 ")
        # Not all of them: the two workers need not have the same number of connections.
        assert any(is_closed(oldest) for oldest in sockets[:20])


def test_a_worker_without_a_free_descriptor_closes_idle_connections_and_serves_on(
    small_system: SystemHarness,
) -> None:
    before = workers(small_system)
    limits = {each: each.rlimit(psutil.RLIMIT_NOFILE) for each in before}
    with opened(small_system.url, [LIVE + b"\r\n"] * 20) as sockets:
        for sock in sockets:
            assert read_reply(sock).startswith(b"HTTP/1.1 200 ")
        for worker in before:
            worker.rlimit(psutil.RLIMIT_NOFILE, (worker.num_fds(), DESCRIPTORS))
        try:
            with opened(small_system.url, [LIVE + b"\r\n"] * 20) as late:
                for sock in late:
                    assert read_reply(sock).startswith(b"HTTP/1.1 200 ")
        finally:
            for worker, limit in limits.items():
                worker.rlimit(psutil.RLIMIT_NOFILE, limit)
    assert workers(small_system) == before
    assert "accept_failed" in small_system.log("web")


def test_the_soft_limit_of_descriptors_is_raised(postgres: DatabaseServer, tmp_path: Path) -> None:
    with (
        redis_server(tmp_path / "valkey") as server,
        SystemHarness(
            Stores(postgres.create(), server.url),
            tmp_path,
            broadcasters=0,
            wrapper=["prlimit", "--nofile=128:4096"],
        ) as system,
    ):
        for worker in workers(system):
            soft, hard = worker.rlimit(psutil.RLIMIT_NOFILE)
            assert 1000 < soft < hard
