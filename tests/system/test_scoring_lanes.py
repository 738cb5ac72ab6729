"""A worker answers increments that came meanwhile side by side, whatever its threads wait for."""

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

from app.gathering import LANES
from tests.app.http.web_alone import WebAlone
from tests.awaiting import await_true, somebody_waits_for_a_lock
from tests.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.system.player import Player
from tests.system.running import RunningSystem, await_health

pytestmark = pytest.mark.slow
THREADS = 2
BREAKING_LANE = """
from pathlib import Path
from app import gathering

run_together = gathering.run_together

def break_once(requests):
    if not WANTED.exists():
        return run_together(requests)
    WANTED.unlink()
    raise RuntimeError("broken on purpose")

WANTED = Path(__file__).with_name("wanted")
gathering.run_together = break_once
"""
"""A sitecustomize.py by which the lane breaks when a file beside it is there."""


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSystem]:
    """An API of one worker with few threads."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        variables = {"WEB_WORKERS": "1", "WEB_THREADS": str(THREADS)}
        with WebAlone(stores, tmp_path_factory.mktemp("api"), variables=variables) as running:
            yield running


def request_of(player: Player, token: str) -> bytes:
    """An increment as it goes over the wire."""
    body = json.dumps({"actionToken": token})
    lines = [
        "POST /api/scores/increment HTTP/1.1", "Host: here", "Content-Type: application/json",
        f"Authorization: Bearer {player.access_token}", f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def test_increments_that_come_while_others_are_counted_are_one_transaction(
    system: RunningSystem,
) -> None:
    players = [system.register() for _ in range(30)]
    requests = [request_of(player, player.ask_token()) for player in players]
    with ExitStack() as stack:
        address = ("127.0.0.1", system.ports[0])
        clients = [stack.enter_context(socket.create_connection(address, 5)) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request[:-1])
        # All come within less than one transaction takes.
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request[-1:])
        for client in clients:
            assert client.recv(65536).startswith(b"HTTP/1.1 200 ")
    with psycopg2.connect(system.stores.database_url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM actions")
        counted, transactions = cursor.fetchall()[0]
    assert counted == len(players)
    assert transactions <= counted / 3


def test_increments_are_answered_while_every_other_thread_waits(system: RunningSystem) -> None:
    scorer, *leaving = [system.register() for _ in range(1 + 6 * THREADS)]
    token = scorer.ask_token()
    with (
        psycopg2.connect(system.stores.database_url) as holding,
        holding.cursor() as cursor,
        ThreadPoolExecutor(len(leaving)) as pool,
    ):
        ids = [player.user_id for player in leaving]
        cursor.execute("SELECT FROM sessions WHERE user_id = ANY(%s::uuid[]) FOR UPDATE", [ids])
        # Each waits for a second at most; a thread has six of them to wait through.
        logouts = [pool.submit(player.call, "POST", "/auth/logout") for player in leaving]
        await_true(lambda: somebody_waits_for_a_lock(system.stores.database_url), 5)
        assert scorer.spend(token).json()["newScore"] == 1
        assert len([logout for logout in logouts if not logout.done()]) > THREADS
        holding.rollback()


def test_a_worker_whose_lane_breaks_is_replaced_and_nothing_is_lost(
    postgres: DatabaseServer, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAKING_LANE)
    variables = {"WEB_WORKERS": "1", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    with (
        redis_server(tmp_path / "valkey") as server,
        WebAlone(Stores(postgres.create(), server.url), tmp_path, variables=variables) as system,
    ):
        player = system.register()
        token = player.ask_token()
        for _ in range(LANES + 1):
            (tmp_path / "wanted").touch()
            with pytest.raises(requests.ConnectionError):
                player.spend(token)
            await_health(system.url)
        assert player.spend(token).json()["newScore"] == 1
        assert system.log("web").count("A lane broke") == LANES + 1
