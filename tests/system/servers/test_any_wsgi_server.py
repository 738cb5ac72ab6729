"""The API under WSGI servers that don't read gunicorn.conf.py: nothing of it may be missing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis
import requests

from app.contract import keys
from tests.support.api_harness import ApiHarness
from tests.support.servers import ROOT, DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health
from tests.support.system.player import Player
from tests.support.system.web_server import WebServer, web_server
from tests.support.system.workers import WORKERS
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
FRESH_SECONDS = 1.0
WORKERS_OF_GUNICORN = 2
GUNICORN = [
    "gunicorn",
    "--bind=127.0.0.1:PORT",
    f"--chdir={ROOT}",
    f"--workers={WORKERS_OF_GUNICORN}",
]
COMMANDS = {
    "gunicorn": [*GUNICORN, "--threads", "4", "wsgi:app"],
    "gunicorn with sync workers": [*GUNICORN, "app:create_app()"],
    "gunicorn that forks after loading": [*GUNICORN, "--threads", "4", "--preload", "wsgi:app"],
    "flask run": ["flask", "--app", str(ROOT / "wsgi.py"), "run", "--port", "PORT"],
}
"""Started in an empty folder, so that gunicorn finds no gunicorn.conf.py."""


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Stores and settings; the servers of the tests are the only processes."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        yield ApiHarness(stores, tmp_path_factory.mktemp("api"), web_processes=1)


@pytest.fixture(params=COMMANDS)
def server(
    system: SystemHarness, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[WebServer]:
    """The API under one of the servers, on an empty Redis."""
    with redis.Redis.from_url(system.stores.redis_url) as client:
        client.flushall()
    command = COMMANDS[request.param]
    variables = {"PYTHONPATH": str(ROOT), "FLASK_SKIP_DOTENV": "1", "LOG_LEVEL": "DEBUG"}
    with web_server(
        system, tmp_path, command=command, root=tmp_path, ready=False, **variables
    ) as running:
        await_health(running.url)
        yield running


def serving_processes(server: WebServer) -> int:
    return server.log().count('"serving"')


def test_every_process_shows_a_point_at_once_and_the_rank_index_is_completed(
    system: SystemHarness, server: WebServer
) -> None:
    player = Player.register(server.url)
    with redis.Redis.from_url(system.stores.redis_url) as client:
        await_true(lambda: client.exists(keys.INDEX_COMPLETE_UNTIL), 30)
    for _ in range(5):
        version = player.take_the_lead()["boardVersion"]
        deadline = time.monotonic() + FRESH_SECONDS
        begun = time.monotonic()
        while min(shown_versions(server.url)) < version:
            assert begun < deadline, "a process shows an old board"
            begun = time.monotonic()


def shown_versions(url: str) -> list[int]:
    """The board's version in 16 reads over as many connections, which all processes answer."""
    with ThreadPoolExecutor(8) as clients:
        replies = list(clients.map(lambda _: requests.get(f"{url}/api/leaderboard"), range(16)))
    return [reply.json()["version"] for reply in replies]


def test_background_work_runs_once_in_each_process_that_serves_and_ends_with_it(
    system: SystemHarness, server: WebServer
) -> None:
    main = psutil.Process(server.process.pid)
    expected = WORKERS_OF_GUNICORN if main.name() == "gunicorn" else 1

    def all_serve() -> bool:
        shown_versions(server.url)
        return serving_processes(server) == expected

    await_true(all_serve, 40)
    with redis.Redis.from_url(system.stores.redis_url) as client:
        # A master that had started the threads would be one more subscriber.
        subscribed = [(keys.CACHE_INVALIDATE.encode(), expected)]
        await_true(lambda: client.pubsub_numsub(keys.CACHE_INVALIDATE) == subscribed, 20)
    main.terminate()
    server.exit_code()
    # Flask's own server ends at once by SIGTERM.
    if expected == WORKERS_OF_GUNICORN:
        assert server.log().count('"background_stopped"') == expected
        assert server.log().count('"database_closed"') == expected


def test_the_metrics_say_that_they_count_one_process_only(server: WebServer) -> None:
    metrics = requests.get(f"{server.url}/metrics", timeout=5).text
    assert "\nscoreboard_metrics_of_one_process 1.0\n" in metrics


@pytest.mark.parametrize("worker", WORKERS)
def test_the_metrics_of_a_server_with_our_configuration_count_all_its_processes(
    system: SystemHarness, tmp_path: Path, worker: str
) -> None:
    with web_server(system, tmp_path, WEB_WORKER=worker, WEB_WORKERS="2") as server:
        player = Player.register(server.url)
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda _: player.score_point(), range(40)))
        for _ in range(8):
            metrics = requests.get(f"{server.url}/metrics", timeout=5).text
            assert "\nscoreboard_metrics_of_one_process 0.0\n" in metrics
            assert "\nscoreboard_increments_total 40.0\n" in metrics
