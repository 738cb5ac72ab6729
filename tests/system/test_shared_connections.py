"""Workers share kept-alive connections evenly, also after one of them was replaced."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from tests.support.api_harness import ApiHarness
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness
from tests.support.system.raw_clients import read_reply
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
WORKERS, CLIENTS = 2, 40
HEALTH = b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API of two workers."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": str(WORKERS)}
        with ApiHarness(stores, tmp_path_factory.mktemp("api"), variables=variables) as running:
            await_true(lambda: running.log("web").count('"event": "serving"') == WORKERS, 20)
            yield running


def workers(system: SystemHarness) -> list[psutil.Process]:
    return psutil.Process(system.web[-1].pid).children()


def shares(system: SystemHarness) -> list[int]:
    """The number of connections of each worker, the smallest first."""
    port = system.ports[0]
    return sorted(
        len([
            connection
            for connection in worker.net_connections("tcp")
            if connection.status == "ESTABLISHED" and connection.laddr.port == port
        ])
        for worker in workers(system)
    )  # fmt: skip


def connect(system: SystemHarness, stack: ExitStack) -> None:
    """Open connections, each with one request, and keep them open."""
    for _ in range(CLIENTS):
        client = stack.enter_context(socket.create_connection(("127.0.0.1", system.ports[0]), 5))
        client.sendall(HEALTH)
        assert read_reply(client).startswith(b"HTTP/1.1 200 ")


def test_no_worker_has_most_of_the_connections(system: SystemHarness) -> None:
    with ExitStack() as stack:
        connect(system, stack)
        fewest, most = shares(system)
        assert fewest + most == CLIENTS
        assert fewest >= CLIENTS / 4

        # The successor of a killed worker starts with none, so it gets the next connections.
        first, _ = workers(system)
        first.send_signal(signal.SIGKILL)
        await_true(lambda: system.log("web").count('"event": "serving"') == WORKERS + 1, 20)
        left = sum(shares(system))
        connect(system, stack)
        fewest, most = shares(system)
        assert fewest + most == left + CLIENTS
        assert fewest >= (left + CLIENTS) / 4
