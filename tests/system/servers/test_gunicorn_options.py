"""Options of gunicorn's command line that differ from our configuration."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.api_harness import ApiHarness
from tests.support.servers import DatabaseServer, Stores, redis_server
from tests.support.system.harness import SystemHarness, await_health
from tests.support.system.player import Player
from tests.support.system.web_server import WebServer, web_server
from tests.support.system.workers import WORKERS
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def system(
    postgres: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SystemHarness]:
    """Stores and settings; the servers of the tests are the only processes."""
    with redis_server(tmp_path_factory.mktemp("valkey")) as server:
        stores = Stores(postgres.create(), server.url)
        yield ApiHarness(stores, tmp_path_factory.mktemp("api"))


def reload(server: WebServer) -> None:
    """Replace the workers, and wait until only new ones are left."""
    before = {worker.pid for worker in server.workers()}
    server.process.send_signal(signal.SIGHUP)
    await_true(
        lambda: (
            len(server.workers()) == 2 and not before & {worker.pid for worker in server.workers()}
        ),
        40,
    )


@pytest.mark.parametrize(
    ("options", "worker"),
    [
        *[(("--preload", "wsgi:app"), worker) for worker in WORKERS],
        (("-k", "gthread", "wsgi:app"), "scoreboard"),
        (("-k", "gthread", "--threads", "2", "app:create_app()"), "scoreboard"),
    ],
)
def test_points_count_before_and_after_a_reload(
    system: SystemHarness, tmp_path: Path, options: tuple[str, ...], worker: str
) -> None:
    command = ["gunicorn", *options]
    with web_server(
        system, tmp_path, command=command, ready=False, WEB_WORKER=worker, WEB_WORKERS="2"
    ) as server:
        server.await_log("Booting worker", times=2)
        await_health(server.url)
        player = Player.register(server.url)
        assert player.score_point()["newScore"] == 1
        reload(server)
        await_health(server.url)
        assert player.score_point()["newScore"] == 2
        metrics = requests.get(f"{server.url}/metrics", timeout=5).text
        assert "\nscoreboard_metrics_of_one_process 0.0\n" in metrics
        assert "\nscoreboard_increments_total 2.0\n" in metrics
        server.process.terminate()
        assert server.exit_code() == 0
        assert "Traceback" not in server.log()
