"""WEB_WORKER=gthread: gunicorn's own worker with every version of gunicorn; shutdown included."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.servers import ROOT
from tests.support.system.harness import SystemHarness, free_ports
from tests.support.system.player import Player
from tests.support.system.shutdown import busy, half_sent, read_to_the_end
from tests.support.system.web_server import WebServer, web_server
from tests.support.waiting import await_true

pytestmark = pytest.mark.slow
CLOSING = ["background_stopped", "redis_closed", "database_closed", "stopped"]
UNKNOWN_GUNICORN = "import gunicorn; gunicorn.__version__ = '99.1.0'\n"


def test_sigterm_closes_each_worker_in_the_order_of_flow_10(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    with web_server(running_system, tmp_path, WEB_WORKER="gthread", LOG_LEVEL="DEBUG") as server:
        assert Player.register(server.url).score_point()["newScore"] == 1
        server.process.terminate()
        assert server.exit_code() == 0
        events = [line["event"] for line in server.events()]
    assert [event for event in events if event in CLOSING] == CLOSING


def test_shutdown_seconds_limit_the_wait_for_requests(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    with (
        web_server(
            running_system, tmp_path, WEB_WORKER="gthread", WEB_WORKERS="2", SHUTDOWN_SECONDS="1"
        ) as server,
        half_sent(server, b'{"username": ', rest=3) as sock,
    ):
        await_true(lambda: busy(server), 30)
        server.process.terminate()
        assert server.exit_code() == 0
        assert read_to_the_end(sock) == b""
        # A request whose body a thread awaits makes the arbiter kill its worker, but no other.
        assert [line["event"] for line in server.events()].count("stopped") == 1


def polls_a_connection(server: WebServer) -> bool:
    """Whether the worker's poller has a connection, in addition to the listener and its queue."""
    (worker,) = server.workers()
    descriptors = Path(f"/proc/{worker.pid}/fdinfo").iterdir()
    return max(each.read_text().count("tfd:") for each in descriptors) == 3


def test_a_silent_connection_leaves_its_worker_time_to_close_in_order(
    running_system: SystemHarness, tmp_path: Path
) -> None:
    with (
        web_server(running_system, tmp_path, WEB_WORKER="gthread", SHUTDOWN_SECONDS="1") as server,
        socket.create_connection(("127.0.0.1", server.port)),
    ):
        await_true(lambda: polls_a_connection(server), 30)
        server.process.terminate()
        assert server.exit_code() == 0
        times = {line["event"]: line["timestamp"] for line in server.events()}
    asked = datetime.fromisoformat(times["Handling signal: term"])
    (ended,) = [datetime.fromisoformat(times[each]) for each in times if "Worker exiting" in each]
    # The arbiter kills it 3 s after SHUTDOWN_SECONDS.
    assert (ended - asked).total_seconds() < 4


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
