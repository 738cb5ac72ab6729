"""A worker answers increments that arrive together in one batch, whatever its threads wait for."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg2
import pytest
import requests

from app.concurrency.batching import BATCH_THREADS
from tests.support.api_harness import ApiHarness
from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health
from tests.support.system.player import Player
from tests.support.system.raw_clients import read_reply
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow
THREADS = 2
FAILING_BATCH = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

WANTED = Path(__file__).with_name("wanted")

class FailingBatches(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        found = super().find_spec(name, path, target)
        if name == "app.concurrency.batching":
            execute = found.loader.exec_module
            found.loader.exec_module = lambda module: replace_run_batch(execute, module)
        return found

def replace_run_batch(execute, module):
    execute(module)
    run_batch = module.run_batch

    def fail_once(*arguments):
        if not WANTED.exists():
            return run_batch(*arguments)
        WANTED.unlink()
        raise RuntimeError("failed on purpose")

    module.run_batch = fail_once

sys.meta_path.insert(0, FailingBatches)
"""
"""A sitecustomize.py with which a batch fails if there is a file `wanted` beside it.

It replaces the function at each import, because workers import the module again.
"""


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """An API of one worker with few threads."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": "1", "WEB_THREADS": str(THREADS)}
        with ApiHarness(stores, tmp_path_factory.mktemp("api"), variables=variables) as running:
            yield running


def increment_request(player: Player, token: str) -> bytes:
    """The bytes of an increment."""
    body = json.dumps({"actionToken": token})
    lines = [
        "POST /api/scores/increment HTTP/1.1", "Host: here", "Content-Type: application/json",
        f"Authorization: Bearer {player.access_token}", f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_increments_that_arrive_together_are_counted_in_one_transaction(
    system: SystemHarness,
) -> None:
    players = [system.register() for _ in range(30)]
    requests = [increment_request(player, player.ask_token()) for player in players]
    with ExitStack() as stack:
        address = ("127.0.0.1", system.ports[0])
        clients = [stack.enter_context(socket.create_connection(address, 5)) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request[:-1])
        # All arrive within less time than one transaction takes.
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request[-1:])
        for client in clients:
            assert read_reply(client).startswith(b"HTTP/1.1 200 ")
    with psycopg2.connect(system.stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM actions")
        counted, transactions = cursor.fetchall()[0]
    assert counted == len(players)
    assert transactions <= counted / 3


def test_increments_are_answered_while_every_ordinary_thread_waits(system: SystemHarness) -> None:
    scorer, *leaving = [system.register() for _ in range(1 + 6 * THREADS)]
    token = scorer.ask_token()
    with (
        psycopg2.connect(system.stores.database_url) as holding,
        holding.cursor() as cursor,
        ThreadPoolExecutor(len(leaving)) as pool,
    ):
        ids = [player.user_id for player in leaving]
        cursor.execute("SELECT FROM sessions WHERE user_id = ANY(%s::uuid[]) FOR UPDATE", [ids])
        # Each logout waits at most a second for the lock; each thread has six of them to answer.
        logouts = [pool.submit(player.call, "POST", "/auth/logout") for player in leaving]
        await_true(lambda: is_lock_awaited(system.stores.database_url), 5)
        assert scorer.spend(token).json()["newScore"] == 1
        assert len([logout for logout in logouts if not logout.done()]) > THREADS
        holding.rollback()


def test_a_worker_whose_batch_fails_is_replaced_and_no_point_is_lost(
    postgres: DatabaseServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FAILING_BATCH)
    variables = {"WEB_WORKERS": "1", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with (
        redis_server(tmp_path / "valkey") as server,
        ApiHarness(Stores(postgres.create(), server.url), tmp_path, variables=variables) as system,
    ):
        player = system.register()
        token = player.ask_token()
        for _ in range(BATCH_THREADS + 1):
            (tmp_path / "wanted").touch()
            with pytest.raises(requests.ConnectionError):
                player.spend(token)
            await_health(system.url)
        assert player.spend(token).json()["newScore"] == 1
        assert system.log("web").count("A scoring batch failed") == BATCH_THREADS + 1
