"""WEB_WORKER=gthread: gunicorn's own worker with every version of gunicorn; shutdown included."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness, free_ports
from tests.support.system.player import Player
from tests.support.system.shutdown import ledger_locked, shutdown_events
from tests.support.system.web_server import web_server
from tests.support.waiting import await_true, is_lock_awaited

pytestmark = pytest.mark.slow
CLOSING = ["background_stopped", "redis_closed", "database_closed", "stopped"]
UNKNOWN_GUNICORN = "import gunicorn; gunicorn.__version__ = '99.1.0'\n"


def test_an_increment_that_waits_in_postgresql_at_sigterm_is_answered_and_counted(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    with (
        web_server(running_system, tmp_path, WEB_WORKER="gthread") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        player = Player.register(server.url)
        token = player.ask_token()
        with ledger_locked(running_system) as lock:
            spent = pool.submit(player.spend, token)
            await_true(lambda: is_lock_awaited(running_system.stores.database_url), 30)
            server.process.terminate()
            server.await_log("Handling signal: term")
            lock.commit()
        assert spent.result().status_code == 200
        assert spent.result().json()["newScore"] == 1
        assert server.exit_code() == 0
    again = player.spend(token, url=running_system.url)
    assert again.json()["details"]["newScore"] == 1


def test_sigterm_closes_each_worker_in_the_order_of_flow_10_and_is_announced_once(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    player = running_system.register()
    headers = {"Authorization": f"Bearer {player.access_token}"}
    with connect(running_system.websocket_url, additional_headers=headers) as viewer:
        with web_server(
            running_system, tmp_path, WEB_WORKER="gthread", WEB_WORKERS="1", LOG_LEVEL="DEBUG"
        ) as server:
            assert Player.register(server.url).score_point()["newScore"] == 1
            server.process.terminate()
            assert server.exit_code() == 0
            events = [line["event"] for line in server.events()]
        assert [event for event in events if event in CLOSING] == CLOSING
        assert shutdown_events(viewer, f"127.0.0.1:{server.port}") == 1


@pytest.fixture
def unknown_gunicorn(tmp_path: Path) -> str:
    """A PYTHONPATH with which gunicorn is of a version that we don't know."""
    (tmp_path / "sitecustomize.py").write_text(UNKNOWN_GUNICORN)
    return f"{tmp_path}:{ROOT}"


def test_our_worker_refuses_an_unknown_gunicorn_and_names_the_setting(
    running_system: SystemHarness, unknown_gunicorn: str
) -> None:
    (port,) = free_ports(1)
    refused = subprocess.run(
        [Path(sys.executable).parent / "gunicorn", "wsgi:app"],
        cwd=ROOT,
        env=os.environ | running_system.environment(port) | {"PYTHONPATH": unknown_gunicorn},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "99.1.0" in line
    assert "WEB_WORKER=gthread" in line


def test_gthread_serves_with_an_unknown_gunicorn(
    running_system: SystemHarness, tmp_path: Path, unknown_gunicorn: str
) -> None:
    with web_server(
        running_system, tmp_path, WEB_WORKER="gthread", PYTHONPATH=unknown_gunicorn
    ) as server:
        assert "gunicorn 99.1.0" in server.log()
        player = Player.register(server.url)
        assert [player.score_point()["newScore"] for _ in range(3)] == [1, 2, 3]
